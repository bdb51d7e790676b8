import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { DyadError } from '../errors.js'
import { makeToken } from './make-token.js'
import { userId } from './user-id.js'

/** Longest file of a token, in bytes. */
const MAX_BYTES = 4096
const OPTION = 'tokenFile (DYAD_TOKEN_FILE)'
const EMPTY = 'the file is empty'
/** The remedy where no token can be made for a user. */
const OTHERWISE =
  'Name a file with DYAD_TOKEN_FILE, name a directory for it with XDG_CONFIG_HOME, or give the token with DYAD_TOKEN.'

/**
 * Reads the token in a file that belongs to this user and that nobody else can read.
 * ERR_DYAD_OPTION.
 */
export function readTokenFile(path: string): string {
  try {
    const token = readToken(path)
    if (token === '') throw unusable(path, EMPTY)
    return token
  } catch (error) {
    throw error instanceof DyadError ? error : unusable(path, undefined, undefined, error)
  }
}

/**
 * Reads this user's own token, which is made if there is none: processes that begin at once agree
 * on one. `path` is undefined where the user has no place for it. ERR_DYAD_OPTION.
 */
export function readOwnToken(path: string | undefined): string {
  if (path === undefined) {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: OPTION,
      detail: 'this user has no home directory for a token',
      remedy: OTHERWISE,
    })
  }
  try {
    const token = readToken(path)
    // An empty file is one that a process is making, or was making when it died.
    if (token !== '') return token
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error instanceof DyadError ? error : unusable(path, undefined, OTHERWISE, error)
    }
  }
  try {
    makeToken(path)
    return readTokenFile(path)
  } catch (error) {
    if (error instanceof DyadError) throw error
    throw unusable(path, `no token can be created there: ${(error as Error).message}`, OTHERWISE, error)
  }
}

/** The token in a file that is fit for one, or '' if it is empty. */
function readToken(path: string): string {
  // A pipe must not hold it up.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const about = fstatSync(fd)
    if (!about.isFile()) throw unusable(path, 'not a regular file')
    if (userId() >= 0 && about.uid !== userId()) {
      throw unusable(path, `it belongs to user ${about.uid}, and this process runs as user ${userId()}`)
    }
    if ((about.mode & 0o077) !== 0) {
      throw unusable(path, 'other users may read or write it', `Run chmod 600 '${path}', and change the token.`)
    }
    if (about.size > MAX_BYTES) throw unusable(path, `it has more than ${MAX_BYTES} bytes`)
    return readFileSync(fd, 'utf8').trim()
  } finally {
    closeSync(fd)
  }
}

function unusable(path: string, detail?: string, remedy?: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_OPTION', { option: OPTION, path, detail, remedy, cause })
}
