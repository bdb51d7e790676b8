import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { DyadError } from '../errors.js'
import { userId } from '../user/user-id.js'
import { makeDirectory } from './make-directory.js'

/** As many links as Linux follows on one path. */
const MOST_LINKS = 40
/** Everybody may write. */
const OPEN = 0o002

/**
 * Refuses a path that leads through a directory or a link that another user made where everybody
 * may write, as in the directory for temporary files: its maker keeps control of such a directory,
 * and chooses where such a link leads. It trusts everything that the system or this user made, and
 * directories of others in their own places. It does not judge missing parts. ERR_DYAD_OPTION, and
 * the system's own errors.
 * @param path absolute
 */
export function assertTrustedPlace(path: string): void {
  if (userId() === -1) return
  const rest = namesOf(path)
  let holder = lstatSync('/')
  let reached = ''
  for (let links = 0; ; ) {
    const name = rest.shift()
    if (name === undefined) return
    if (name === '..') {
      reached = reached === '' ? '' : dirname(`${reached}`).replace(/^\/$/, '')
      holder = lstatSync(reached || '/')
      continue
    }
    const at = `${reached}/${name}`
    const found = lstatSync(at, { throwIfNoEntry: false })
    if (found === undefined) return
    if (!isTrusted(found, holder)) throw untrusted(path, at, found)
    if (!found.isSymbolicLink()) {
      reached = at
      holder = found
      continue
    }
    if (++links > MOST_LINKS) return
    const target = readlinkSync(at)
    rest.unshift(...namesOf(target))
    if (target.startsWith('/')) {
      reached = ''
      holder = lstatSync('/')
    }
  }
}

/**
 * Makes a directory, and those above it that are missing, in a trusted place; it may be there
 * already. As `assertTrustedPlace`, and the system's own errors.
 */
export function makeTrustedDirectory(path: string, mode?: number): void {
  assertTrustedPlace(path)
  makeDirectory(path, mode)
  // Another user may have been faster to make it.
  assertTrustedPlace(path)
}

function isTrusted(found: Stats, holder: Stats): boolean {
  if ((holder.mode & OPEN) === 0) return true
  return found.uid === userId() || found.uid === 0 || found.uid === holder.uid
}

function untrusted(path: string, at: string, { uid }: Stats): DyadError {
  const what = at === path ? 'it' : `'${at}'`
  const detail = `${what} was made by user ${uid} in a directory that everybody can write to, and could redirect files`
  const remedy = 'Remove it, or name another directory.'
  return new DyadError('ERR_DYAD_OPTION', { option: 'the directory', path, detail, remedy })
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
