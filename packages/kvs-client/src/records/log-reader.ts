import { closeSync, fstatSync, readSync } from 'node:fs'
import { MAX_BATCH_BYTES } from './log-batch.js'
import {
  BATCH_HEADER_BYTES,
  bodyLength,
  FILE_HEADER_BYTES,
  isWhole,
  possibleMarks,
  readFileHeader,
} from './log-frame.js'
import { openOwn } from './own-file.js'

/** Bytes read at a time: more than the longest batch. */
const WINDOW_BYTES = 2 * MAX_BATCH_BYTES

/**
 * Reads the batches of a log file in order, and finds the next ones behind damage. The caller
 * closes it.
 */
export class LogReader implements Disposable {
  readonly path: string
  readonly size: number
  /** Why the file has no readable header. */
  readonly fault: string | undefined
  /** Whether it seems to be of another version of the format. */
  readonly isOtherVersion: boolean
  readonly #fd: number
  #mark: Buffer
  /** The bytes of the file from `#start` on. */
  #window = Buffer.alloc(0)
  #start = 0
  readonly #room = Buffer.allocUnsafeSlow(WINDOW_BYTES)

  constructor(path: string) {
    this.path = path
    this.#fd = openOwn(path)
    this.size = fstatSync(this.#fd).size
    const header = this.#bytes(0, FILE_HEADER_BYTES)
    const found = readFileHeader(header)
    this.fault = 'fault' in found ? found.fault : undefined
    this.isOtherVersion = 'fault' in found && found.isOtherVersion === true
    this.#mark = 'mark' in found ? found.mark : Buffer.alloc(0)
  }

  get mark(): Buffer {
    return this.#mark
  }

  /**
   * Uses a mark that it finds in the file if the header has none. Returns false if there is none.
   */
  guessMark(): boolean {
    for (const mark of possibleMarks(this.#bytes(0, FILE_HEADER_BYTES + BATCH_HEADER_BYTES))) {
      if (mark.length === 0) continue
      this.#mark = mark
      if (this.find(FILE_HEADER_BYTES) !== undefined) return true
    }
    return false
  }

  /**
   * Returns the body of the batch at a place, or undefined if no whole batch is there. Valid until
   * the next read.
   */
  body(at: number): Buffer | undefined {
    const header = this.#bytes(at, BATCH_HEADER_BYTES)
    const length = header.length < BATCH_HEADER_BYTES ? undefined : bodyLength(header, this.#mark)
    if (length === undefined || length === 0 || length > MAX_BATCH_BYTES) return undefined
    const batch = this.#bytes(at, BATCH_HEADER_BYTES + length)
    if (batch.length < BATCH_HEADER_BYTES + length || !isWhole(batch, at)) return undefined
    return batch.subarray(BATCH_HEADER_BYTES)
  }

  /** Returns the place of the next whole batch at or after `from`. */
  find(from: number): number | undefined {
    for (let at = from; at < this.size; ) {
      const stretch = this.#bytes(at, WINDOW_BYTES / 2)
      const found = stretch.indexOf(this.#mark)
      if (found === -1) {
        at += Math.max(1, stretch.length - this.#mark.length + 1)
      } else {
        if (this.body(at + found) !== undefined) return at + found
        at += found + 1
      }
    }
    return undefined
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }

  /** Returns bytes of the file, fewer at its end. Valid until the next read. */
  #bytes(at: number, length: number): Buffer {
    const from = at - this.#start
    if (from < 0 || from + length > this.#window.length) {
      let read = 0
      while (read < this.#room.length) {
        const more = readSync(this.#fd, this.#room, read, this.#room.length - read, at + read)
        if (more === 0) break
        read += more
      }
      this.#window = this.#room.subarray(0, read)
      this.#start = at
    }
    const offset = at - this.#start
    return this.#window.subarray(offset, offset + length)
  }
}
