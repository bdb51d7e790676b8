// Everything that a guest needs before it can boot, each only if it is missing: a second run is
// done at once.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { installGuestPackages } from './debian.mjs'
import { initrdOf } from './initrd.mjs'
import { kernelFolder } from './kernel.mjs'

/**
 * @param {(line: string) => void} [say] is told what takes time
 * @returns {{ kernel: string, initrd: string }} what `bootGuest` boots
 */
export function prepareGuest(say = (line) => console.error(`guest: ${line}`)) {
  installGuestPackages(say)
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dyad-guest')
  const folder = kernelFolder(cache, say)
  return { kernel: join(folder, 'vmlinuz'), initrd: initrdOf(folder) }
}
