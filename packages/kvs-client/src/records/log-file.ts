import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { syncNames } from './log-directory.js'
import { fileHeader, newMark, sealBatch } from './log-frame.js'

/** The disk is asked to keep what was written at most this often, in ms. */
const SYNC_MS = 1_000

/** A file that batches are appended to. What was appended survives the process at once, and the machine once it is synced. */
export class LogFile {
  readonly #fd: number
  readonly #mark: Buffer
  #size: number
  #timer: NodeJS.Timeout | undefined
  #syncing: Promise<void> | undefined
  /** Why half a batch stands at the end. */
  #half: Error | undefined

  private constructor(fd: number, mark: Buffer, size: number) {
    this.#fd = fd
    this.#mark = mark
    this.#size = size
  }

  /** Makes a new one, which has this name only once its header is on the disk; an existing file of this name is replaced. */
  static create(path: string, temporary: string): LogFile {
    const file = LogFile.begin(temporary)
    try {
      fdatasyncSync(file.#fd)
      renameSync(temporary, path)
      syncNames(dirname(path))
      return file
    } catch (error) {
      file.drop()
      throw error
    }
  }

  /** Makes a new one that is not to be trusted under this name. */
  static begin(path: string): LogFile {
    const mark = newMark()
    const file = new LogFile(openSync(path, 'w+', 0o600), mark, 0)
    try {
      file.#write(fileHeader(mark))
      return file
    } catch (error) {
      file.drop()
      throw error
    }
  }

  /** Goes on after what has been read of one: the mark of its header, and where its last whole batch ends. The rest is cut off. */
  static resume(path: string, mark: Buffer, end: number): LogFile {
    const fd = openSync(path, 'r+')
    try {
      ftruncateSync(fd, end)
      return new LogFile(fd, mark, end)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  get size(): number {
    return this.#size
  }

  /** Appends a batch whose header has been left free, all of it or nothing. Throws what the system says. */
  append(batch: Buffer): void {
    this.assertWhole()
    sealBatch(batch, this.#mark, this.#size)
    this.#write(batch)
    this.#timer ??= setTimeout(() => this.#sync(), SYNC_MS).unref()
  }

  /** Cuts off half a batch that a failed write left and could not cut off, or throws what it failed with: nothing may follow it, in the next file neither. */
  assertWhole(): void {
    if (this.#half === undefined) return
    try {
      ftruncateSync(this.#fd, this.#size)
    } catch {
      throw this.#half
    }
    this.#half = undefined
  }

  /** Resolves when the disk has everything. */
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

  /** Lets go of a file that nothing was appended to, or that nobody needs. */
  drop(): void {
    clearTimeout(this.#timer)
    closeSync(this.#fd)
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
      // A disk that cannot keep it is met by the next write, or is the power cut that nothing is promised for.
      fdatasync(this.#fd, () => {
        this.#timer = undefined
        resolve()
      })
    })
  }
}
