import { closeSync, openSync, read as readFile, readSync } from 'node:fs'
import { DiskPace } from '../disk-pace.js'
import { DyadError } from '../errors.js'
import type { FileRecord } from '../kvs/record.js'
import type { Arrival, OnArrival } from './arrival.js'

/** A file up to this size is read at once, since that takes less than the hop to a thread that would read it; in bytes. */
const AT_ONCE_BYTES = 64 * 1024

/** Makes a file present and tells how it arrives; rejects with the reason of `signal` when that fires. */
export type Consume = (onArrival: OnArrival, signal: AbortSignal) => Promise<FileRecord>

/** The callback of fs.read. */
export type ReadDone = (error: unknown, bytesRead: number, buffer: NodeJS.ArrayBufferView) => void

/**
 * A consumed file, open for reading, the rest of which may still be on its way. After its last byte comes the end only once the whole file stands at its place; if that
 * does not come about, reading fails with the reason. Whoever opened it closes it.
 */
export class ConsumedFile {
  /** What is read. */
  readonly record: FileRecord
  /** Descriptor of what is stored here; it stays the file's to close. */
  readonly fd: number
  readonly #leave: AbortController | undefined
  readonly #whole: Promise<unknown>
  #stored: number
  #next: Uint8Array | undefined
  #atOwner: number | undefined
  /** How the arrival ended. */
  #ending: 'whole' | { readonly error: unknown } | undefined
  /** Whether it arrived while it was open, so that what is read has just been written. */
  #hasArrived = false
  readonly #pace = new DiskPace()
  #reading = 0
  #abandoned = false
  #waiting: (() => void)[] = []

  private constructor(record: FileRecord, fd: number, whole: Promise<unknown>, leave?: AbortController) {
    this.record = record
    this.fd = fd
    this.#stored = 0
    this.#whole = whole
    this.#leave = leave
  }

  /**
   * Opens the file as soon as something of it can be read. Rejects as `consume` does, with the reason of `signal`, or as open(2) would.
   * @param local where the whole file will be
   */
  static open(local: string, signal: AbortSignal, consume: Consume): Promise<ConsumedFile> {
    return new Promise((resolve, reject) => {
      const leave = new AbortController()
      const aborted = () => leave.abort(signal.reason)
      if (signal.aborted) aborted()
      else signal.addEventListener('abort', aborted, { once: true })
      let file: ConsumedFile | undefined
      const opened = (made: ConsumedFile) => {
        file = made
        signal.removeEventListener('abort', aborted)
        resolve(made)
      }
      const whole = consume((arrival) => {
        if (file !== undefined) file.#arrived(arrival)
        else if (arrival.stored > 0 || arrival.next !== undefined || arrival.openAtOwner !== undefined) {
          const fd = tryOpen(arrival.open)
          if (fd === undefined) return
          const made = new ConsumedFile(arrival.record, fd, whole, leave)
          made.#arrived(arrival)
          opened(made)
        }
      }, leave.signal)
      whole
        .then((record) => {
          const made = file ?? new ConsumedFile(record, openSync(local, 'r'), whole, leave)
          made.#end(record.generation === made.record.generation ? 'whole' : { error: made.#changed() })
          if (file === undefined) opened(made)
        })
        .catch((error: unknown) => {
          signal.removeEventListener('abort', aborted)
          if (file === undefined) reject(error)
          else file.#end({ error })
        })
    })
  }

  /** Opens a file that stands at its place. Fails as open(2) would. */
  static whole(local: string, record: FileRecord): ConsumedFile {
    const file = new ConsumedFile(record, openSync(local, 'r'), Promise.resolve())
    file.#end('whole')
    return file
  }

  /** As fs.read of what `fd` stands for. */
  read(buffer: NodeJS.ArrayBufferView, offset: number, length: number, position: number, done: ReadDone): void {
    if (this.#abandoned) process.nextTick(done, null, 0, buffer)
    else if (this.#ending === 'whole') {
      if (this.record.size <= AT_ONCE_BYTES || this.#isInMemory)
        this.#readAtOnce(buffer, offset, length, position, done)
      else readFile(this.fd, buffer, offset, length, position, done)
    } else if (this.#ending !== undefined) process.nextTick(done, this.#ending.error, 0, buffer)
    else if (this.#atOwner !== undefined && position < this.record.size) {
      this.#readAtOwner(this.#atOwner, buffer, offset, length, position, done)
    } else if (this.#next !== undefined && position >= this.#stored && position < this.#stored + this.#next.length) {
      const from = position - this.#stored
      const part = this.#next.subarray(from, from + length)
      new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(part, offset)
      process.nextTick(done, null, part.length, buffer)
    } else if (position < this.#stored) {
      // These bytes have just been written, so they are in memory.
      this.#readAtOnce(buffer, offset, Math.min(length, this.#stored - position), position, done)
    } else this.#waiting.push(() => this.read(buffer, offset, length, position, done))
  }

  /** Ends at once what is being read, which reads nothing: whoever reads wants no more and is going to close the file. */
  abandon(): void {
    this.#abandoned = true
    this.#wake()
  }

  /** Closes the file. What has not arrived yet does not arrive, unless others want it. */
  close(done: (error?: unknown) => void): void {
    if (this.#stored < this.record.size) this.#leave?.abort()
    if (this.#ending === undefined) this.#end({ error: new DyadError('ERR_DYAD_CLOSED', { path: this.record.path }) })
    closeSync(this.fd)
    const closed = () => done()
    this.#whole.then(closed, closed)
  }

  get #isInMemory(): boolean {
    return this.#hasArrived && !this.#pace.isSlow
  }

  #readAtOnce(buffer: NodeJS.ArrayBufferView, offset: number, length: number, position: number, done: ReadDone): void {
    try {
      const bytes = this.#pace.time(() => readSync(this.fd, buffer, offset, length, position))
      process.nextTick(done, null, bytes, buffer)
    } catch (error) {
      process.nextTick(done, error, 0, buffer)
    }
  }

  #readAtOwner(
    fd: number,
    buffer: NodeJS.ArrayBufferView,
    offset: number,
    length: number,
    position: number,
    done: ReadDone,
  ): void {
    const again = () => this.read(buffer, offset, length, position, done)
    this.#reading++
    readFile(fd, buffer, offset, length, position, (error, bytes) => {
      this.#reading--
      if (this.#atOwner === undefined) {
        // Since then what is stored here was verified, and what the owner's file holds by now was not.
        if (this.#reading === 0) closeSync(fd)
        again()
      } else if (error || bytes === 0) this.#waiting.push(again)
      else done(null, bytes, buffer)
    })
  }

  #arrived(arrival: Arrival): void {
    if (arrival.record.generation !== this.record.generation) {
      this.#leave?.abort(this.#changed())
      return
    }
    this.#hasArrived = true
    this.#stored = arrival.stored
    this.#next = arrival.next
    const openAtOwner = this.#ending === undefined ? arrival.openAtOwner : undefined
    if (openAtOwner === undefined) this.#leaveOwner()
    else this.#atOwner ??= tryOpen(openAtOwner)
    this.#wake()
  }

  #end(ending: 'whole' | { readonly error: unknown }): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    this.#next = undefined
    if (ending === 'whole') this.#stored = this.record.size
    this.#leaveOwner()
    this.#wake()
  }

  #leaveOwner(): void {
    const fd = this.#atOwner
    this.#atOwner = undefined
    if (fd !== undefined && this.#reading === 0) closeSync(fd)
  }

  #wake(): void {
    for (const read of this.#waiting.splice(0)) read()
  }

  /** A part of an older version was handed out already. */
  #changed(): DyadError {
    const detail = 'a newer version was published while it was read'
    return new DyadError('ERR_DYAD_CHANGED', { path: this.record.path, node: this.record.owner, detail })
  }
}

/** What was there a moment ago may have been put in its place, or away, by now. */
function tryOpen(open: () => number): number | undefined {
  try {
    return open()
  } catch {
    return undefined
  }
}
