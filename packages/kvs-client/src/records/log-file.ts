import { closeSync, fdatasync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { BATCH_HEADER_BYTES, isWhole, MAGIC, MAX_BATCH_BYTES, type Operations, replayBatch } from './log-batch.js'

/** The disk is asked to keep what was written at most this often, in ms. */
const SYNC_MS = 1_000
const READ_BYTES = 2 * MAX_BATCH_BYTES

/** A file that batches are appended to. What was appended survives the process at once, and the machine once it is synced. */
export class LogFile {
  readonly #fd: number
  #size: number
  #timer: NodeJS.Timeout | undefined
  #syncing: Promise<void> | undefined
  #broken: Error | undefined

  private constructor(fd: number, size: number) {
    this.#fd = fd
    this.#size = size
  }

  /** Makes a new one; an existing file of this name is replaced. */
  static create(path: string): LogFile {
    const file = new LogFile(openSync(path, 'w+', 0o600), 0)
    file.append(MAGIC)
    return file
  }

  /**
   * Opens one and replays it. What an end of the process or the machine left half written at its end is cut off; with `complete`, it is an
   * error, as is a file of another format.
   */
  static open(path: string, into: Operations, complete: boolean): LogFile {
    const fd = openSync(path, 'r+')
    try {
      const { end, size } = replay(fd, into)
      if (end < size && (complete || end === 0)) throw new Error(`${path} is damaged at byte ${end}`)
      if (end < size) ftruncateSync(fd, end)
      const file = new LogFile(fd, end)
      if (end === 0) file.append(MAGIC)
      return file
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  get size(): number {
    return this.#size
  }

  /** Appends a batch, all of it or nothing. Throws what the system says. */
  append(bytes: Buffer): void {
    if (this.#broken !== undefined) throw this.#broken
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#size + done)
      }
    } catch (error) {
      this.#undo(error as Error)
      throw error
    }
    this.#size += bytes.length
    this.#timer ??= setTimeout(() => this.#sync(), SYNC_MS).unref()
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

  /** What follows half a batch would never be replayed. */
  #undo(cause: Error): void {
    try {
      ftruncateSync(this.#fd, this.#size)
    } catch {
      this.#broken = cause
    }
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

/** Replays whole batches; `end` is where the last one ends. */
function replay(fd: number, into: Operations): { end: number; size: number } {
  let window = Buffer.alloc(0)
  let start = 0
  let size = 0
  const room = Buffer.allocUnsafeSlow(READ_BYTES)
  /** Whether `length` bytes are there from `start` on. */
  const has = (length: number): boolean => {
    if (window.length - start >= length) return true
    const rest = window.copy(room, 0, start)
    const read = readFully(fd, room, rest, size)
    size += read
    window = room.subarray(0, rest + read)
    start = 0
    return window.length >= length
  }
  const whole = () => size - (window.length - start)
  if (!has(MAGIC.length) || !window.subarray(0, MAGIC.length).equals(MAGIC)) return { end: 0, size }
  start += MAGIC.length
  while (has(BATCH_HEADER_BYTES)) {
    const length = window.readUInt32LE(start)
    if (length > MAX_BATCH_BYTES || !has(BATCH_HEADER_BYTES + length)) break
    const body = window.subarray(start + BATCH_HEADER_BYTES, start + BATCH_HEADER_BYTES + length)
    if (length === 0 || !isWhole(body, window.readUInt32LE(start + 4))) break
    replayBatch(body, into)
    start += BATCH_HEADER_BYTES + length
  }
  const end = whole()
  while (has(window.length - start + 1)) start = window.length
  return { end, size }
}

function readFully(fd: number, into: Buffer, at: number, position: number): number {
  let read = 0
  while (at + read < into.length) {
    const more = readSync(fd, into, at + read, into.length - at - read, position + read)
    if (more === 0) break
    read += more
  }
  return read
}
