import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DyadError } from '../errors.js'
import { isShortage } from '../files/descriptors.js'
import { tryLock } from '../files/file-lock.js'
import { lacksLinks } from '../files/lacks-links.js'
import { makeDirectory } from '../files/make-directory.js'

/** Bytes of a token that is made here, before they are text. */
const TOKEN_BYTES = 32
/**
 * How long another process may take between its claim and its token, in ms: it needs microseconds.
 */
const CLAIM_MS = 2_000
/** Pause between two looks at such a claim, in ms. */
const PAUSE_MS = 5

/**
 * Makes the token of a user at `path`, unless one stands there: of several processes that begin at
 * once, one makes the token of all. The file appears with all of its content, or empty where there
 * are no hard links, and nobody else may read it from its first byte on. The errors of node:fs, and
 * ERR_DYAD_OPTION if another process began and does not end.
 */
export function makeToken(path: string): void {
  makeDirectory(dirname(path), 0o700)
  const temporary = `${path}.${randomBytes(8).toString('hex')}`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    fchmodSync(fd, 0o600)
    writeFileSync(fd, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`)
    if (!linked(temporary, path)) placeByClaim(temporary, path)
  } finally {
    closeSync(fd)
    rmSync(temporary, { force: true })
  }
}

/** Whether a token stands at the path now, by a link, which fails where anything stands. */
function linked(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path)
    return true
  } catch (error) {
    // The system looks at what stands there first, and that may be the claim of a process that
    // cannot link either.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return statSync(path).size > 0
    if (lacksLinks(error)) return false
    throw error
  }
}

/**
 * Puts the token in its place by a rename, which the owner of an empty file at the path may do. The
 * kernel gives that file back when its owner dies, so that the next start makes the token. The wait
 * is synchronous, as reading options is.
 */
function placeByClaim(temporary: string, path: string): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (const end = performance.now() + CLAIM_MS; performance.now() < end; Atomics.wait(sleeper, 0, 0, PAUSE_MS)) {
    const { fd, isNew } = openClaim(path)
    try {
      if (fstatSync(fd).size > 0) return
      if (owns(fd, isNew) && isAt(path, fd)) {
        renameSync(temporary, path)
        return
      }
    } finally {
      closeSync(fd)
    }
  }
  const detail = `the file is empty, and the process that creates it has not finished in ${CLAIM_MS / 1_000} s`
  const remedy = 'Remove the file, then try again.'
  throw new DyadError('ERR_DYAD_OPTION', { option: 'tokenFile (DYAD_TOKEN_FILE)', path, detail, remedy })
}

function openClaim(path: string): { fd: number; isNew: boolean } {
  try {
    return { fd: openSync(path, 'wx', 0o600), isNew: true }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return { fd: openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, 0o600), isNew: false }
}

/**
 * Whether this process makes the token: it has the lock, or made the file where there are no locks.
 */
function owns(fd: number, isNew: boolean): boolean {
  try {
    return tryLock(fd)
  } catch (error) {
    if (isShortage(error)) throw error
    return isNew
  }
}

/** Whether the file of the descriptor stands at the path. */
function isAt(path: string, fd: number): boolean {
  const [here, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })]
  return here.ino === there?.ino && here.dev === there.dev
}
