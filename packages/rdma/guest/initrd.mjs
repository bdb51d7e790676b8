// What the kernel unpacks into memory and runs first: busybox, the modules, and our init.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const INIT = fileURLToPath(new URL('init', import.meta.url))
const BUSYBOX = '/bin/busybox'

/**
 * Builds the initial file system beside a kernel, unless it is there; its name tells what it was
 * made of.
 * @param {string} kernel folder of the kernel
 * @returns {string} path of the image
 */
export function initrdOf(kernel) {
  const digest = createHash('sha256').update(readFileSync(INIT)).update(readFileSync(BUSYBOX)).digest('hex')
  const image = join(kernel, `initrd-${digest.slice(0, 16)}.img`)
  if (existsSync(image)) return image
  const scratch = mkdtempSync(join(kernel, 'making-'))
  try {
    const tree = join(scratch, 'tree')
    for (const folder of ['bin', 'dev', 'proc', 'sys', 'ro', 'rw', 'new']) {
      mkdirSync(join(tree, folder), { recursive: true })
    }
    copyFileSync(BUSYBOX, join(tree, 'bin', 'busybox'))
    for (const name of execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
      if (name !== 'busybox') symlinkSync('busybox', join(tree, 'bin', name))
    }
    cpSync(join(kernel, 'modules'), join(tree, 'modules'), { recursive: true })
    copyFileSync(INIT, join(tree, 'init'))
    chmodSync(join(tree, 'init'), 0o755)
    const files = execFileSync('find', ['.'], { cwd: tree })
    const cpio = spawnSync('cpio', ['--quiet', '-o', '-H', 'newc', '-R', '0:0'], {
      cwd: tree,
      input: files,
      maxBuffer: 2 ** 28,
    })
    if (cpio.status !== 0) throw new Error(`guest: cpio failed: ${cpio.error?.message ?? cpio.stderr}`)
    writeFileSync(join(scratch, 'image'), gzipSync(cpio.stdout, { level: 1 }))
    renameSync(join(scratch, 'image'), image)
    return image
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
