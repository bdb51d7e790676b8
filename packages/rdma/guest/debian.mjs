// What the guest takes from Debian: packages that are installed on the host, whose root the guest shares, and packages of which
// only the files are wanted.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const NEEDED = [
  ...['qemu-system-x86', 'seabios', 'busybox-static', 'cpio', 'kmod', 'xz-utils', 'iproute2'],
  ...['rdma-core', 'libibverbs1', 'librdmacm1', 'ibverbs-providers', 'ibverbs-utils', 'rdmacm-utils', 'perftest'],
]
const INSTALL = ['-y', '--no-install-recommends', 'install']
const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
const isRoot = process.getuid?.() === 0

function run(command, args, cwd) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, env: environment, encoding: 'utf8' })
  if (error?.code === 'ENOENT') throw new Error(`guest: there is no ${command}: the guest needs a Debian host`)
  if (error) throw error
  return { isWell: status === 0, stdout, said: `${stdout}${stderr}`.trim() }
}

/** Runs apt-get; once more with fresh lists of packages if that fails, since lists may be missing or older than the archive. */
function apt(args, say, cwd) {
  const lock = ['-q', '-o', 'DPkg::Lock::Timeout=300']
  const first = run('apt-get', [...lock, ...args], cwd)
  if (first.isWell) return
  const line = `apt-get ${args.join(' ')}`
  if (!isRoot) throw new Error(`guest: ${line} failed; as root, run: apt-get update\n${first.said}`)
  say('apt-get update …')
  run('apt-get', [...lock, 'update'])
  const second = run('apt-get', [...lock, ...args], cwd)
  if (!second.isWell) throw new Error(`guest: ${line} failed:\n${second.said}`)
}

/** Installs what is missing on the host; only root can. */
export function installPackages(say) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in by dpkg-query
  const { stdout } = run('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n', ...NEEDED])
  const installed = new Set(stdout.split('\n').map((line) => line.replace(/^installed /, '')))
  const missing = NEEDED.filter((name) => !installed.has(name))
  if (missing.length === 0) return
  const line = [...INSTALL, ...missing]
  if (!isRoot) throw new Error(`guest: Debian packages are missing; as root, run:\n  apt-get ${line.join(' ')}`)
  say(`installing ${missing.join(' ')} …`)
  apt(line, say)
}

/** The one package that a metapackage stands for: `linux-image-6.12-amd64` for that of the newest 6.12 kernel. */
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
