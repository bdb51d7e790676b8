// The kernel of the guest: Debian's, with the modules that the guest loads, kept by version in a
// cache folder.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { packageBehind, unpackPackage } from './debian.mjs'

// Named by its series, so that every host tests on the same one.
const PACKAGE = 'linux-image-6.12-amd64'
// In this order: the ports and the root file system of the guest, its network, RDMA. What they
// depend on comes before each.
const MODULES = [
  ...['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'],
  ...['virtio_net', 'veth'],
  ...['crc32-pclmul', 'ib_uverbs', 'rdma_ucm', 'rdma_rxe'],
].join('\n')

const byVersion = new Intl.Collator('en', { numeric: true }).compare

/**
 * Whether a folder holds a kernel with exactly these modules; folders come whole, by rename, but an
 * older checkout may have made it.
 */
function isWhole(folder) {
  const list = join(folder, 'modules.list')
  return existsSync(list) && readFileSync(list, 'utf8') === MODULES
}

/**
 * Finds the kernel in the cache, or takes it from Debian.
 * @param {string} cache
 * @param {(line: string) => void} say
 * @returns {string} its folder: `vmlinuz`, and `modules/` with the order to load them in
 *   `modules/order`
 */
export function kernelFolder(cache, say) {
  mkdirSync(cache, { recursive: true })
  const [newest] = readdirSync(cache)
    .filter((name) => /^\d/.test(name) && isWhole(join(cache, name)))
    .sort(byVersion)
    .reverse()
  return newest === undefined ? makeKernel(cache, say) : join(cache, newest)
}

function makeKernel(cache, say) {
  const scratch = mkdtempSync(join(cache, 'making-'))
  try {
    const name = packageBehind(PACKAGE, say)
    say(`downloading ${name} …`)
    const unpacked = join(scratch, 'unpacked')
    mkdirSync(unpacked)
    unpackPackage(name, unpacked, say)
    const version = name.replace('linux-image-', '')
    const made = join(scratch, 'made')
    mkdirSync(join(made, 'modules'), { recursive: true })
    copyFileSync(join(unpacked, 'boot', `vmlinuz-${version}`), join(made, 'vmlinuz'))
    copyModules(unpacked, version, join(made, 'modules'))
    writeFileSync(join(made, 'modules.list'), MODULES)
    const folder = join(cache, version)
    try {
      if (!isWhole(folder)) rmSync(folder, { recursive: true, force: true })
      renameSync(made, folder)
    } catch (error) {
      // Another run may have been faster.
      if (!isWhole(folder)) throw error
    }
    return folder
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/**
 * Copies the modules and what they depend on, decompressed, and writes down the order in which they
 * load.
 */
function copyModules(unpacked, version, target) {
  const roots = ['lib', 'usr/lib'].map((lib) => join(unpacked, lib, 'modules', version))
  const found = roots.find((folder) => existsSync(folder))
  if (found === undefined) throw new Error(`guest: the package of kernel ${version} has no modules`)
  // kmod looks for lib/modules only.
  const base = join(unpacked, 'kmod')
  mkdirSync(join(base, 'lib', 'modules'), { recursive: true })
  renameSync(found, join(base, 'lib', 'modules', version))
  execFileSync('/sbin/depmod', ['-b', base, version])
  const order = new Set()
  for (const module of MODULES.split('\n')) {
    const lines = execFileSync('/sbin/modprobe', ['-d', base, '-S', version, '--show-depends', module], {
      encoding: 'utf8',
    })
    for (const [, path] of lines.matchAll(/^insmod (\S+)/gm)) {
      const name = basename(path, '.xz')
      if (order.has(name)) continue
      order.add(name)
      if (path.endsWith('.xz'))
        writeFileSync(join(target, name), execFileSync('xz', ['-dc', path], { maxBuffer: 2 ** 26 }))
      else copyFileSync(path, join(target, name))
    }
  }
  writeFileSync(join(target, 'order'), [...order].join('\n'))
}
