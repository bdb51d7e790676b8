import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, unlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { TEMPORARY_PREFIX } from '../managed-path.js'
import { isShortage } from './descriptors.js'
import { tryLock } from './file-lock.js'
import { makeDirectory } from './make-directory.js'
import type { StoringParent } from './storing-parents.js'
import { Sweeps } from './sweep.js'

/**
 * A temporary file, open for reading and writing. The caller closes it, after it has removed or
 * renamed the file.
 */
export interface Temporary {
  /** For system calls, as long as its directory is not left. */
  readonly path: string
  readonly fd: number
  /** Its permissions, after the umask. */
  readonly mode: number
}

/**
 * Makes temporary files, and removes those that processes left behind. A temporary file is locked
 * by the descriptor that it was made with, so the kernel says whether somebody still writes it: on
 * this host, in another container or under another user, and however the process ended.
 */
export class Temporaries {
  readonly #sweeps = new Sweeps(HOST)
  readonly #instance = randomBytes(8).toString('hex')
  #count = 0

  /**
   * Creates a new file beside `target`, and makes the directory if it is missing. No sweep removes
   * the file while the caller has it open. Throws as open(2) does.
   * @param parent the directory of `target`, which was entered and is not made anew.
   * @default found by its name
   */
  create(target: string, mode: number, parent?: StoringParent): Temporary {
    for (;;) {
      const { path, fd } = this.createUnlocked(target, mode, parent)
      let isMade = false
      try {
        const { nlink, mode: given } = isTaken(fd) ? GONE : fstatSync(fd)
        // Once it is locked and still there, no sweep removes it.
        isMade = nlink > 0
        if (isMade) return { path, fd, mode: given & 0o7777 }
      } finally {
        if (!isMade) {
          // A sweep came between its making and its locking, or nobody can lock it now.
          closeSync(fd)
          this.remove(path)
        }
      }
    }
  }

  /**
   * As `create`, for a file that the caller links to its place at once: locking it takes as long as
   * writing a few bytes. A sweep may remove the name before that, so that the link fails with
   * ENOENT.
   */
  createUnlocked(target: string, mode: number, parent?: StoringParent): Omit<Temporary, 'mode'> {
    const directory = parent?.path ?? dirname(target)
    this.#sweeps.storedIn(parent?.real ?? directory, directory)
    const path = `${directory === '/' ? '' : directory}/${TEMPORARY_PREFIX}${HOST}-${this.#instance}${(this.#count++).toString(16)}`
    return { path, fd: createIn(directory, path, mode) }
  }

  /** Removes a temporary file, if it is there. */
  remove(path: string): void {
    try {
      unlinkSync(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    }
  }

  /** Resolves when the sweeps begun so far are done, which end soon in large directories. */
  settled(): Promise<void> {
    return this.#sweeps.settled()
  }
}

function createIn(directory: string, path: string, mode: number): number {
  try {
    return openSync(path, 'wx+', mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    makeDirectory(directory)
    return openSync(path, 'wx+', mode)
  }
}

const GONE = { nlink: 0, mode: 0 }

/** Locks a new file; returns true if a sweep has it locked. */
function isTaken(fd: number): boolean {
  try {
    return !tryLock(fd)
  } catch (error) {
    if (isShortage(error)) throw error
    // Where there are no locks, sweeps get none either, and remove nothing.
    return false
  }
}

/** Names this host through its reboots, and its containers where they have its name. */
const HOST = createHash('sha256').update(hostname()).update(machineId()).digest('hex').slice(0, 10)

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'latin1').trim()
  } catch {
    return ''
  }
}
