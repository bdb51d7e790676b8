import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DyadError } from '@dyad-ts/core'
import { hasFileLocks, NO_BUILD, tryLock, warnOfMissingLocks } from '@dyad-ts/core/internal'
import { hasTraces } from './log-directory.js'
import { irregularKind, openOwn } from './own-file.js'

/** Most bytes that are read of the lock file. */
const READ_BYTES = 1024
/** The line of the lock file that says that a log was made. */
const HAS_LOG = 'records are kept here'

/**
 * The lock of a directory of records, on the file `lock` in it. It holds between network
 * namespaces, containers and, where the file system shares its locks, hosts. The kernel releases it
 * with the process. Where the system has no file locks at all, every broker gets it.
 *
 * The file also says whether a log was made there. A directory that has had a log and has none is
 * damaged, not new.
 */
export class DirectoryLock {
  readonly #directory: string
  readonly #path: string
  readonly #fd: number
  #hasLog: boolean

  /**
   * Throws EBUSY with the holder if another broker holds the lock, ERR_DYAD_SYSTEM if `lock` is no
   * regular file, and a system error if it cannot be opened or locked.
   */
  constructor(directory: string) {
    this.#directory = directory
    this.#path = join(directory, 'lock')
    this.#fd = openLock(this.#path)
    try {
      if (!hasFileLocks()) warnOfMissingLocks(NO_BUILD)
      const isHeld = !hasFileLocks() || locked(this.#fd, this.#path)
      const [holder = '', ...lines] = readLines(this.#fd)
      if (!isHeld) throw busy(this.#path, holder || 'it has not said which one it is')
      this.#hasLog = lines.includes(HAS_LOG)
      this.#write()
    } catch (error) {
      closeSync(this.#fd)
      throw error
    }
  }

  /** Returns true if the directory's lock file says that a log was made there. */
  static saysLog(directory: string): boolean {
    const path = join(directory, 'lock')
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return false
    const fd = openOwn(path)
    try {
      return readLines(fd).includes(HAS_LOG)
    } finally {
      closeSync(fd)
    }
  }

  /** Whether a log was made in the directory, also if it is gone. */
  get hadLog(): boolean {
    return this.#hasLog || hasTraces(this.#directory)
  }

  /** Notes that the directory has a log. */
  logMade(): void {
    if (this.#hasLog) return
    this.#hasLog = true
    this.#write()
  }

  /** Whether the directory still has this lock: neither was moved, removed or replaced. */
  get isInPlace(): boolean {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    const own = fstatSync(this.#fd, { bigint: true })
    return found !== undefined && found.dev === own.dev && found.ino === own.ino
  }

  release(): void {
    closeSync(this.#fd)
  }

  /** Writes the file in one call, so that a kill does not leave less in it. */
  #write(): void {
    const lines = [`process ${process.pid} on host ${hostname()}`, ...(this.#hasLog ? [HAS_LOG] : [])]
    const text = Buffer.from(`${lines.join('\n')}\n`)
    writeSync(this.#fd, text, 0, text.length, 0)
    // The file stays: if it were removed, a second broker could lock another file of the same name.
    ftruncateSync(this.#fd, text.length)
  }
}

/** Returns the error for a directory that another broker has open. */
export function busy(path: string, holder: string): Error {
  return Object.assign(new Error(`another broker has this directory open: ${holder}`), { code: 'EBUSY', path })
}

function openLock(path: string): number {
  const kind = irregularKind(path)
  if (kind !== undefined) throw irregular(path, kind)
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw irregular(path, 'no regular file')
}

function irregular(path: string, kind: string): DyadError {
  const detail = `is ${kind}, where a broker locks a regular file of its own: remove it once no broker runs there`
  return new DyadError('ERR_DYAD_SYSTEM', { path, detail })
}

function locked(fd: number, path: string): boolean {
  try {
    return tryLock(fd)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const text = `${path} cannot be locked: ${message}; choose a directory on a file system that has locks`
    throw Object.assign(new Error(text, { cause }), { code, path })
  }
}

function readLines(fd: number): string[] {
  const bytes = Buffer.alloc(READ_BYTES)
  const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))
  return text.split('\n').map((line) => line.replace(/\p{Cc}+/gu, ' ').trim())
}
