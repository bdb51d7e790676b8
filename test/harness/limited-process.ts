import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import type { Teardown } from './teardown.js'

/**
 * Lets a process have so many descriptors from now on. A program has more of them open while it
 * loads than while it works, how many depends on the speed of the machine: the limit comes once all
 * is loaded.
 */
export function limitDescriptors(count: number, pid = process.pid): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${count}`])
}

/**
 * Starts a TypeScript program that is given as text, in the folder `cwd`. It may have `descriptors`
 * of them once its imports are loaded.
 */
export function startLimited(
  t: Teardown,
  descriptors: number,
  program: string,
  { args = [], cwd }: { args?: readonly string[]; cwd?: URL } = {},
): ChildProcess {
  const limiting = `
    import { limitDescriptors } from ${JSON.stringify(import.meta.url)}
    limitDescriptors(${descriptors})`
  // While tsx fills its cache it opens and closes descriptors beside the program.
  const env = { ...process.env, NODE_OPTIONS: '', TSX_DISABLE_CACHE: '1' }
  const argv = ['--import=tsx', '--input-type=module', '--eval', `${limiting}\n${program}`, ...args]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}
