// Debian's packages that tests need, installed where they are missing.
import { spawnSync } from 'node:child_process'

const INSTALL = ['-y', '--no-install-recommends', 'install']
const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
export const isRoot = process.getuid?.() === 0

/** Runs one of Debian's commands. */
export function run(command, args, cwd) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, env: environment, encoding: 'utf8' })
  if (error?.code === 'ENOENT') throw new Error(`there is no ${command}: this needs a Debian host`)
  if (error) throw error
  return { isWell: status === 0, stdout, said: `${stdout}${stderr}`.trim() }
}

/**
 * Runs apt-get; once more with fresh lists of packages if that fails, since lists may be missing or
 * older than the archive.
 */
export function apt(args, say, cwd) {
  const lock = ['-q', '-o', 'DPkg::Lock::Timeout=300']
  const first = run('apt-get', [...lock, ...args], cwd)
  if (first.isWell) return
  const line = `apt-get ${args.join(' ')}`
  if (!isRoot) throw new Error(`${line} failed; as root, run: apt-get update\n${first.said}`)
  say('apt-get update …')
  run('apt-get', [...lock, 'update'])
  const second = run('apt-get', [...lock, ...args], cwd)
  if (!second.isWell) throw new Error(`${line} failed:\n${second.said}`)
}

/** Installs those of the packages that are missing on the host; only root can. */
export function installPackages(names, say) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in by dpkg-query
  const { stdout } = run('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n', ...names])
  const installed = new Set(stdout.split('\n').map((line) => line.replace(/^installed /, '')))
  const missing = names.filter((name) => !installed.has(name))
  if (missing.length === 0) return
  const line = [...INSTALL, ...missing]
  if (!isRoot) throw new Error(`Debian packages are missing; as root, run:\n  apt-get ${line.join(' ')}`)
  say(`installing ${missing.join(' ')} …`)
  apt(line, say)
}
