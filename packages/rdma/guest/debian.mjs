// What the guest takes from Debian: packages that are installed on the host, whose root the guest
// shares, and packages of which only the files are wanted.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { apt, installPackages, isRoot, run } from '../../../scripts/debian.mjs'

const NEEDED = [
  ...['qemu-system-x86', 'seabios', 'busybox-static', 'cpio', 'kmod', 'xz-utils', 'iproute2'],
  ...['rdma-core', 'libibverbs1', 'librdmacm1', 'ibverbs-providers', 'ibverbs-utils', 'rdmacm-utils', 'perftest'],
]

/** Installs what is missing on the host; only root can. */
export function installGuestPackages(say) {
  installPackages(NEEDED, say)
}

/**
 * The one package that a metapackage stands for: `linux-image-6.12-amd64` for that of the newest
 * 6.12 kernel.
 */
export function packageBehind(name, say) {
  const find = () =>
    /^\s*Depends: (linux-image-\S+)$/m.exec(run('apt-cache', ['depends', '--important', name]).stdout)?.[1]
  const known = find()
  if (known !== undefined) return known
  if (!isRoot) throw new Error(`guest: apt knows no package ${name}; as root, run: apt-get update`)
  say('apt-get update …')
  run('apt-get', ['-q', 'update'])
  const found = find()
  if (found === undefined) throw new Error(`guest: the Debian sources of this host have no package ${name}`)
  return found
}

/** Downloads a package into a folder and unpacks its files there; it is not installed. */
export function unpackPackage(name, folder, say) {
  apt(['download', name], say, folder)
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'))
  if (file === undefined) throw new Error(`guest: apt-get download ${name} left no file`)
  const { isWell, said } = run('dpkg-deb', ['-x', join(folder, file), folder])
  if (!isWell) throw new Error(`guest: could not unpack ${file}:\n${said}`)
}
