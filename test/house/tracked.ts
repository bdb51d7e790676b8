import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Returns the files of the repository that match git's patterns, as paths from its root. A clone
 * that belongs to another user counts, too.
 */
export function tracked(...patterns: string[]): string[] {
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z', '--', ...patterns]
  const names = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  return names.split('\0').filter((name) => name !== '')
}
