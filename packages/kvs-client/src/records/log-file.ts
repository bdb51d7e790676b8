import {
  type BigIntStats,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DyadError } from '@dyad-ts/core'
import { hasFileLocks, tryLock } from '@dyad-ts/core/internal'
import { busy } from './directory-lock.js'
import { syncNames } from './log-directory.js'
import { fileHeader, newMark, sealBatch } from './log-frame.js'
import { makeOwn, openOwn, removeOwn } from './own-file.js'

/** Shortest time between two syncs to the disk, in ms. */
const SYNC_MS = 1_000
/** Beyond the bytes of any log, so that a mandatory lock does not keep others from reading. */
const LOCKED = { offset: 2 ** 52, length: 1 }
const GONE = 'was removed or moved'

/** A log file that only this process may append to. The caller disposes of it, or resumes it. */
export interface ClaimedFile extends Disposable {
  readonly path: string
  readonly fd: number
}

/**
 * Claims a log file, so that no other broker appends to it, by a lock of the file itself. It holds
 * even if the directory's lock was removed. EBUSY if another broker appends to it, ERR_DYAD_LOG if
 * it is no regular file, and the system's own errors.
 */
export function claim(path: string): ClaimedFile {
  const fd = openOwn(path, 'r+')
  try {
    lock(fd, path)
    return { path, fd, [Symbol.dispose]: () => closeSync(fd) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/**
 * A file to append batches to. An appended batch survives the process at once, and the machine once
 * it is synced. The file is locked as by {@link claim}.
 */
export class LogFile {
  readonly #fd: number
  readonly #mark: Buffer
  readonly #identity: { readonly dev: bigint; readonly ino: bigint }
  #path: string
  #size: number
  #timer: NodeJS.Timeout | undefined
  #syncing: Promise<void> | undefined
  /** Why half a batch is at the end. */
  #half: Error | undefined

  private constructor({ path, fd }: Omit<ClaimedFile, keyof Disposable>, mark: Buffer, size: number) {
    this.#path = path
    this.#fd = fd
    this.#mark = mark
    this.#size = size
    this.#identity = fstatSync(fd, { bigint: true })
  }

  /**
   * Makes a new file, which gets this name once its header is on the disk. Replaces an existing
   * file of this name.
   */
  static create(path: string, temporary: string): LogFile {
    const file = LogFile.begin(temporary)
    try {
      fdatasyncSync(file.#fd)
      renameSync(temporary, path)
      file.#path = path
      syncNames(dirname(path))
      return file
    } catch (error) {
      file.drop()
      throw error
    }
  }

  /** Makes a new file that is not to be trusted under this name. */
  static begin(path: string): LogFile {
    const mark = newMark()
    const fd = makeOwn(path)
    const file = new LogFile({ path, fd }, mark, 0)
    try {
      lock(fd, path)
      file.#write(fileHeader(mark))
      return file
    } catch (error) {
      file.discard()
      throw error
    }
  }

  /**
   * Resumes a file after it was read: with the mark of its header, and the end of its last whole
   * batch. Cuts off the rest.
   */
  static resume(claimed: ClaimedFile, mark: Buffer, end: number): LogFile {
    ftruncateSync(claimed.fd, end)
    return new LogFile(claimed, mark, end)
  }

  get size(): number {
    return this.#size
  }

  /**
   * Appends a batch, whose header was left free, whole or not at all. Throws the system's error, or
   * ERR_DYAD_SYSTEM if the file was moved, replaced or changed, since appended batches would then
   * be lost.
   */
  append(batch: Buffer): void {
    this.assertWhole()
    this.assertInPlace()
    sealBatch(batch, this.#mark, this.#size)
    this.#write(batch)
    this.#timer ??= setTimeout(() => this.#sync(), SYNC_MS).unref()
  }

  /**
   * Cuts off half a batch that a failed write left, or throws that write's error. No batch may
   * follow it, not even in the next file.
   */
  assertWhole(): void {
    if (this.#half === undefined) return
    try {
      ftruncateSync(this.#fd, this.#size)
    } catch {
      throw this.#half
    }
    this.#half = undefined
  }

  /** ERR_DYAD_SYSTEM if the file was moved, removed, replaced or changed by another process. */
  assertInPlace(): void {
    const { fault } = this
    if (fault === undefined) return
    const detail = `${this.#path} ${fault} while this broker writes to it: nothing is stored until it is back`
    throw new DyadError('ERR_DYAD_SYSTEM', { path: this.#path, detail })
  }

  /** What another process has done to the file, or undefined. */
  get fault(): string | undefined {
    const found = this.#find()
    if (found === undefined) return GONE
    if (!this.#is(found)) return 'was replaced by another file'
    return found.size === BigInt(this.#size) ? undefined : 'was changed by somebody else'
  }

  /** Whether no file is at the path. */
  get isGone(): boolean {
    return this.fault === GONE
  }

  /** Closes the file. Resolves when the disk has all of it. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#syncing
    await new Promise<void>((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        closeSync(this.#fd)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  /** Closes a file that nothing was appended to, or that is no longer needed. */
  drop(): void {
    clearTimeout(this.#timer)
    closeSync(this.#fd)
  }

  /** Closes a file that will not be finished, and frees its space. */
  discard(): void {
    const found = this.#find()
    if (found !== undefined && this.#is(found)) removeOwn(this.#path)
    this.drop()
  }

  /** Returns the attributes of the file at the path. */
  #find(): BigIntStats | undefined {
    return statSync(this.#path, { bigint: true, throwIfNoEntry: false })
  }

  #is({ dev, ino }: BigIntStats): boolean {
    return dev === this.#identity.dev && ino === this.#identity.ino
  }

  #write(bytes: Buffer): void {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#size + done)
      }
    } catch (error) {
      this.#half = error as Error
      try {
        this.assertWhole()
      } catch {
        // The next batch tries again.
      }
      throw error
    }
    this.#size += bytes.length
  }

  #sync(): void {
    this.#syncing = new Promise((resolve) => {
      // If the disk cannot keep it, the next write fails, or the power was cut, and nothing is
      // promised for that.
      fdatasync(this.#fd, () => {
        this.#timer = undefined
        resolve()
      })
    })
  }
}

function lock(fd: number, path: string): void {
  if (!hasFileLocks() || tryLock(fd, LOCKED)) return
  throw busy(path, `it appends to ${path}, though the file \`lock\` there is not its any more`)
}
