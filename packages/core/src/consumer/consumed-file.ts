import { DyadError } from '../errors.js'
import { withDescriptors } from '../files/descriptors.js'
import type { DiskPace } from '../files/disk-pace.js'
import { type FileRecord, isSameGeneration } from '../kvs/record.js'
import type { Arrival, OnArrival } from './arrival.js'
import { openStanding } from './open-standing.js'
import { ReadDescriptor, type ReadDone } from './read-descriptor.js'

/** Bytes that may be read without waiting before other work gets a turn of the event loop. */
const TURN_BYTES = 1024 * 1024

/**
 * Makes a file present, and reports how it arrives. Rejects with the reason of `signal` when that
 * fires.
 */
export type Consume = (onArrival: OnArrival, signal: AbortSignal) => Promise<FileRecord>

/** Called with the bytes, or with none at the end. May be called before `take` returns. */
export type TakeDone = (error: unknown, bytes?: Buffer) => void

/**
 * A consumed file, open for reading while its rest may still arrive. It reports its end only once
 * the whole file stands at its place; if the file never does, reading fails with the reason. The
 * caller that opened it closes it.
 */
export class ConsumedFile {
  /** The record of the file. */
  readonly record: FileRecord
  readonly #file: ReadDescriptor
  readonly #pace: DiskPace
  readonly #leave: AbortController | undefined
  readonly #whole: Promise<unknown>
  #stored = 0
  #next: Uint8Array | undefined
  #atOwner: ReadDescriptor | undefined
  /** How the arrival ended, if it has. */
  #ending: 'whole' | { readonly error: unknown } | undefined
  /** Whether a reader has received bytes of this arrival. */
  #isRead = false
  #anew: DyadError | undefined
  #waiting: (() => void)[] = []
  /** Bytes read since other work had a turn. */
  #sinceTurn = 0

  private constructor(
    record: FileRecord,
    fd: number,
    pace: DiskPace,
    whole: Promise<unknown>,
    leave?: AbortController,
  ) {
    this.record = record
    this.#file = new ReadDescriptor(fd, pace)
    this.#pace = pace
    this.#whole = whole
    this.#leave = leave
  }

  /**
   * Opens the file as soon as its first bytes can be read. Rejects as `consume` does, with the
   * reason of `signal`, or as open(2) would.
   * @param local where the whole file will be
   */
  static open(local: string, pace: DiskPace, signal: AbortSignal, consume: Consume): Promise<ConsumedFile> {
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
          const made = new ConsumedFile(arrival.record, fd, pace, whole, leave)
          made.#anew = arrival.anew
          made.#arrived(arrival)
          opened(made)
        }
      }, leave.signal)
      whole
        .then(async (record) => {
          const opening = () => openWhole(local, record)
          const made =
            file ?? new ConsumedFile(record, await withDescriptors(opening, leave.signal), pace, whole, leave)
          made.#end(isSameGeneration(record, made.record) ? 'whole' : { error: made.#newer() })
          if (file === undefined) opened(made)
        })
        .catch((error: unknown) => {
          signal.removeEventListener('abort', aborted)
          if (file === undefined) reject(error)
          else file.#end({ error })
        })
    })
  }

  /** Wraps a file that stands whole at its place. Owns `fd`, and closes it. */
  static whole(fd: number, pace: DiskPace, record: FileRecord): ConsumedFile {
    const file = new ConsumedFile(record, fd, pace, Promise.resolve())
    file.#end('whole')
    return file
  }

  /** Descriptor of the file that is stored here. The file closes it. */
  get fd(): number {
    return this.#file.fd
  }

  /**
   * Reads at `position` as soon as one byte or more can be read. The memory belongs to the file
   * until it calls `done`.
   */
  read(buffer: Uint8Array, position: number, done: ReadDone): void {
    this.#whenReadable(position, done, (length) => {
      this.#fill(length < buffer.length ? buffer.subarray(0, length) : buffer, position, done)
    })
  }

  /** As `read`, into new memory, which holds no more than can be read by then. */
  take(atMost: number, position: number, done: TakeDone): void {
    this.#whenReadable(
      position,
      (error) => done(error),
      (length) => {
        const wanted = Math.min(atMost, length)
        // Not from Node's pool: a program that keeps a small chunk would keep the 8 KiB around it.
        const buffer = Buffer.allocUnsafeSlow(wanted)
        this.#fill(buffer, position, (error, bytes) =>
          done(error, bytes === wanted ? buffer : buffer.subarray(0, bytes)),
        )
      },
    )
  }

  /**
   * Closes the file; reads under way fail with ERR_DYAD_CLOSED. The rest of the file does not
   * arrive, unless others want it. A file that has arrived whole is still put in its place; closing
   * does not wait for that.
   */
  close(done: (error?: unknown) => void): void {
    this.#file.end()
    const isArriving = this.#ending === undefined && this.#stored < this.record.size
    if (this.#ending === undefined) this.#end({ error: this.#closed() })
    if (!isArriving) {
      // The transfer of the right bytes goes on, for the next open, and the store may take long to
      // permit the last step.
      done()
      return
    }
    this.#leave?.abort()
    const closed = () => done()
    this.#whole.then(closed, closed)
  }

  /**
   * Calls `ready` with the number of bytes that can be read at `position`, once there are any.
   * Calls `done` at the end of the file, or with the error that ends the arrival.
   */
  #whenReadable(position: number, done: ReadDone, ready: (length: number) => void): void {
    const again = () => this.#whenReadable(position, done, ready)
    if (this.#sinceTurn >= TURN_BYTES) {
      this.#sinceTurn = 0
      setImmediate(again)
      return
    }
    const ending = this.#ending
    if (this.#file.isEnded) done(this.#closed(), 0)
    else if (ending !== undefined && ending !== 'whole') done(ending.error, 0)
    else if (ending === 'whole' && position >= this.record.size) done(null, 0)
    else {
      const end = this.#readableEnd(position)
      if (position < end) ready(end - position)
      else this.#waiting.push(again)
    }
  }

  /** Returns the end of the bytes that can be read at `position`. */
  #readableEnd(position: number): number {
    if (this.#ending === 'whole' || this.#atOwner !== undefined) return this.record.size
    if (position < this.#stored || this.#next === undefined) return this.#stored
    return this.#stored + this.#next.length
  }

  /** Reads bytes that have arrived. */
  #fill(buffer: Uint8Array, position: number, done: ReadDone): void {
    this.#isRead = true
    this.#sinceTurn += buffer.length
    const isWhole = this.#ending === 'whole'
    const from = position - this.#stored
    if (isWhole && this.record.inline !== undefined) copyInto(buffer, this.record.inline, position, done)
    else if (!isWhole && this.#atOwner !== undefined) this.#readAtOwner(this.#atOwner, buffer, position, done)
    else if (!isWhole && this.#next !== undefined && from >= 0) copyInto(buffer, this.#next, from, done)
    else this.#readHere(buffer, position, done)
  }

  #readHere(buffer: Uint8Array, position: number, done: ReadDone): void {
    const again = () => this.read(buffer, position, done)
    this.#file.read(buffer, position, (error, bytes) => {
      if (error || bytes > 0) done(error, bytes)
      else if (this.#ending === 'whole') done(this.#changed('it ends before its published size'), 0)
      // The bytes that had arrived were not the published file, and are gone. The end of the
      // arrival gives the reason.
      else if (this.#ending === undefined) this.#waiting.push(again)
      else again()
    })
  }

  #readAtOwner(owner: ReadDescriptor, buffer: Uint8Array, position: number, done: ReadDone): void {
    const again = () => this.read(buffer, position, done)
    owner.read(buffer, position, (error, bytes) => {
      // The bytes that are stored here have been verified since; the owner's present file has not.
      if (this.#atOwner !== owner) again()
      // The arrival that copies it reports the fault.
      else if (error || bytes === 0) this.#waiting.push(again)
      else done(null, bytes)
    })
  }

  #arrived(arrival: Arrival): void {
    if (!isSameGeneration(arrival.record, this.record)) {
      this.#leave?.abort(this.#newer())
      return
    }
    if (arrival.anew !== this.#anew) {
      this.#anew = arrival.anew
      // A mixture of both must not be read.
      if (this.#isRead) this.#end({ error: arrival.anew })
    }
    this.#stored = arrival.stored
    this.#next = arrival.next
    const openAtOwner = this.#ending === undefined ? arrival.openAtOwner : undefined
    if (openAtOwner === undefined) this.#leaveOwner()
    else if (this.#atOwner === undefined) {
      const fd = tryOpen(openAtOwner)
      if (fd !== undefined) this.#atOwner = new ReadDescriptor(fd, this.#pace)
    }
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
    this.#atOwner?.end()
    this.#atOwner = undefined
  }

  #wake(): void {
    for (const read of this.#waiting.splice(0)) read()
  }

  #closed(): DyadError {
    return new DyadError('ERR_DYAD_CLOSED', { path: this.record.path })
  }

  /** A reader already has a part of an older version. */
  #newer(): DyadError {
    return this.#changed('a newer version was published while it was read')
  }

  #changed(detail: string): DyadError {
    return changed(this.record, detail)
  }
}

function changed({ path, owner }: FileRecord, detail: string): DyadError {
  return new DyadError('ERR_DYAD_CHANGED', { path, node: owner, detail })
}

/** Throws ERR_DYAD_CHANGED if another version stands there by now. */
function openWhole(local: string, record: FileRecord): number {
  const fd = openStanding(local, record.size)
  if (fd === undefined) throw changed(record, 'another version took its place while it was opened')
  return fd
}

function copyInto(buffer: Uint8Array, bytes: Uint8Array, from: number, done: ReadDone): void {
  buffer.set(bytes.subarray(from, from + buffer.length))
  done(null, buffer.length)
}

/** The temporary file may have been renamed to its place, or removed, since. */
function tryOpen(open: () => number): number | undefined {
  try {
    return open()
  } catch {
    return undefined
  }
}
