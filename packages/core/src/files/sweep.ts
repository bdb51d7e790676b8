import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, statSync, unlinkSync } from 'node:fs'
import { opendir, statfs } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { TEMPORARY_PREFIX } from '../managed-path.js'
import { descriptorPath, hasDescriptorPaths, O_PATH } from './descriptor-path.js'
import { isShortage } from './descriptors.js'
import { tryLock } from './file-lock.js'
import { isLocalFileSystem } from './local-file-system.js'

/**
 * A directory is swept again after so many files were stored in it, or four times as many as it has
 * names if those are more: so a sweep looks at one name for four files at most.
 */
const FEWEST_STORED = 1_000
const STORED_FOR_EACH_NAME = 4
/** Names that sweeps may still look at once their session closes. */
const NAMES_AT_END = 10_000
/** Directories that are remembered. */
const MOST_DIRECTORIES = 4_096

/** A name that has the host in it, or one of an earlier version, which locked nothing. */
const NAME = new RegExp(`^\\${TEMPORARY_PREFIX}([0-9a-f]{10})-(?:[0-9a-f]+|(\\d+-\\w*-[0-9a-f]+))$`)

/** When to sweep which directory: as files are stored there, one sweep at a time. */
export class Sweeps {
  readonly #host: string
  /** Files that are still to be stored in a directory before it is swept. */
  readonly #until = new Map<string, number>()
  #last = Promise.resolve()
  #namesLeft = Number.POSITIVE_INFINITY

  /** @param host what the names of this host's temporary files begin with */
  constructor(host: string) {
    this.#host = host
  }

  /**
   * A file is stored in a directory, which may be missing.
   * @param at leads to that very directory now, whatever takes its name later
   */
  storedIn(directory: string, at: string): void {
    const left = this.#until.get(directory) ?? 1
    this.#until.set(directory, left - 1)
    if (left !== 1) return
    this.#forgetOldest()
    const found = statSync(at, { bigint: true, throwIfNoEntry: false })
    this.#last = this.#last.then(() => this.#sweep(directory, found))
  }

  /** Resolves when the sweeps begun so far are done. */
  async settled(): Promise<void> {
    this.#namesLeft = NAMES_AT_END
    await this.#last
  }

  #forgetOldest(): void {
    if (this.#until.size <= MOST_DIRECTORIES) return
    for (const oldest of this.#until.keys()) {
      this.#until.delete(oldest)
      return
    }
  }

  /**
   * Removes the temporary files that nobody writes any more. One that it cannot remove stays: it is
   * debris, not data. A sweep that finds no free descriptor does not wait: the next file that is
   * stored there begins another.
   */
  async #sweep(directory: string, found: BigIntStats | undefined): Promise<void> {
    let names = 0
    let isShort = false
    let fd: number | undefined
    try {
      if (hasDescriptorPaths) fd = openSame(directory, found)
      const at = fd === undefined ? directory : descriptorPath(fd)
      const isLocal = isLocalFileSystem((await statfs(at)).type)
      for await (const { name } of await opendir(at, { bufferSize: 512 })) {
        if (this.#namesLeft-- <= 0) break
        names++
        const [, host, earlier] = NAME.exec(name) ?? []
        if (host === undefined || !(isLocal || (host === this.#host && earlier === undefined))) continue
        removeIfDead(join(at, name), earlier !== undefined)
      }
    } catch (error) {
      // Otherwise the directory vanished or cannot be listed.
      isShort = isShortage(error)
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
    this.#until.set(directory, isShort ? 1 : Math.max(FEWEST_STORED, STORED_FOR_EACH_NAME * names))
  }
}

/**
 * Removes a temporary file if its lock is free: the kernel releases the lock when the writer ends.
 * Throws EMFILE or ENFILE where no descriptor is free.
 */
function removeIfDead(path: string, isUnlocked: boolean): void {
  let fd: number | undefined
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
    if (!lstatSync(path).isFile()) return
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const { mtimeMs } = fstatSync(fd)
    // A process of an earlier version that still runs has no lock. None has outlived the last boot.
    if (isUnlocked && mtimeMs >= Date.now() - uptime() * 1_000) return
    if (tryLock(fd, { shared: true })) unlinkSync(path)
  } catch (error) {
    // Otherwise it is gone, or another user's to judge.
    if (isShortage(error)) throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/**
 * A descriptor of the directory that was found: a link that took its name since then leads the
 * sweep nowhere.
 */
function openSame(directory: string, found: BigIntStats | undefined): number {
  const fd = openSync(directory, O_PATH | constants.O_DIRECTORY)
  const now = fstatSync(fd, { bigint: true })
  if (found !== undefined && now.ino === found.ino && now.dev === found.dev) return fd
  closeSync(fd)
  throw new Error(`${directory} is another directory by now`)
}
