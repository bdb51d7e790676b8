import { setMaxListeners } from 'node:events'
import type fs from 'node:fs'
import { type ConsumedFile, type DyadCore, DyadError, type FileRecord, type KvsOutage } from '@dyad-ts/core'
import { milliseconds } from '@dyad-ts/core/internal'
import { ConsumingOpen } from './consuming-open.js'
import type { OpenFlags } from './flags.js'
import type { Listeners } from './listeners.js'
import { NativeReadStream } from './native-streams.js'
import { streamOptions } from './stream-options.js'

/** Options of fs.createReadStream, except `fd` and `fs`, and options of the wait. */
export interface DyadReadStreamOptions {
  /** @default 'r' */
  flags?: OpenFlags | undefined
  /** Decodes the bytes. @default none: chunks are Buffers */
  encoding?: BufferEncoding | undefined
  /** Permissions of a file that `flags` create. @default 0o666 */
  mode?: number | undefined
  /** Whether the file is closed after its end or an error. @default true */
  autoClose?: boolean | undefined
  /** Whether 'close' is emitted. @default true */
  emitClose?: boolean | undefined
  /** The first byte to read. @default 0 */
  start?: number | undefined
  /** The last byte to read. @default the last one of the file */
  end?: number | undefined
  /** Most bytes of a chunk, and bytes to read ahead. @default 65536 */
  highWaterMark?: number | undefined
  /** Destroys the stream with an AbortError whose cause is the signal's reason. */
  signal?: AbortSignal | null | undefined
  /**
   * Longest wait for an unpublished file, in ms. 0 and Infinity wait without end.
   * @default the option `timeout` of the session
   */
  timeout?: number | undefined
}

// Node's types omit how these classes are constructed.
const NodeReadStream = NativeReadStream as unknown as new (
  path: string | URL,
  options: object,
) => Listeners<Events> & fs.ReadStream & StreamState

/** The events in addition to those of fs.ReadStream. */
interface Events extends Record<string, readonly unknown[]> {
  waiting: []
  storeLost: [outage: KvsOutage]
  storeBack: []
  record: [record: FileRecord]
}

/** Properties that Node's types omit. */
interface StreamState {
  readonly autoClose: boolean
  /** The last byte to read. */
  readonly end: number
  /** The current position; undefined if it began at the beginning. */
  pos: number | undefined
}

/**
 * An fs.ReadStream that waits for its file and fetches it, if the file is in the consumer-managed
 * directory. Emits 'waiting' if the file is not published yet, 'storeLost' with the store's address
 * and the reason if the store goes away meanwhile, 'storeBack' when it is back, and 'record' with
 * the record of the file, before 'open'. Its bytes can be read while the rest arrives. It emits
 * 'end' once the whole file stands at its path, and an error if the rest does not arrive.
 * Destroying it ends the wait. Errors are those of DyadCore.consume and of node:fs.
 */
export class DyadReadStream extends NodeReadStream {
  readonly #opening: ConsumingOpen
  #tellClosed = () => {}
  readonly #closed = new Promise<void>((resolve) => {
    this.#tellClosed = resolve
  })

  constructor(core: DyadCore, path: string | URL, options?: DyadReadStreamOptions | BufferEncoding) {
    const { signal, timeout } = Object(options) as DyadReadStreamOptions
    // A wrong option throws at once, as with node:fs.
    if (timeout !== undefined) milliseconds('timeout', timeout)
    // One signal may well end thousands of streams.
    if (signal instanceof AbortSignal) setMaxListeners(0, signal)
    const opening = new ConsumingOpen(core, timeout, (event, ...details) => {
      if (!this.destroyed) this.emit(event, ...details)
    })
    super(path, streamOptions(options, opening.fs))
    this.#opening = opening
    // A signal that had fired before has destroyed the stream by now, before this class could
    // react.
    if (this.destroyed) opening.abandon()
  }

  /**
   * Yields the bytes in lent chunks. Each chunk belongs to the reader until it asks for the next
   * one, which is in the same memory. The stream itself has to make new memory for every chunk,
   * which takes more processor time than all other work on a large file. Use it instead of reading
   * the stream. Its end, an error, and leaving the loop destroy the stream, unless `autoClose` is
   * off. The stream does not emit 'end', and `lend()` throws the errors that the stream would emit.
   * Chunks have `highWaterMark` bytes at most.
   */
  async *lend(): AsyncGenerator<Buffer, void, undefined> {
    this.on('error', () => {})
    try {
      if (this.pending) await this.#openOrClosed()
      if (this.destroyed) throw this.#ending()
      const { file } = this.#opening
      if (file === undefined) {
        yield* this
        return
      }
      const memory = Buffer.allocUnsafeSlow(Math.max(1, Math.min(this.readableHighWaterMark, file.record.size)))
      for (;;) {
        const bytes = await this.#readInto(memory, file)
        if (bytes === 0) return
        yield memory.subarray(0, bytes)
      }
    } finally {
      if (this.autoClose) {
        this.destroy()
        await this.#closed
      }
    }
  }

  /** As Readable.destroy. It also ends the wait for the file. */
  override destroy(...args: Parameters<fs.ReadStream['destroy']>): this {
    if (#opening in this) this.#opening.abandon()
    // Node takes a callback after the error, which its types omit.
    return Reflect.apply(super.destroy, this, args)
  }

  override _read(size: number): void {
    const { file } = this.#opening
    if (file === undefined) {
      super._read(size)
      return
    }
    const wanted = this.#wanted(size)
    if (wanted === 0) {
      this.push(null)
      return
    }
    // In a tick of its own, like node:fs, so that an exception of the application does not reach
    // the transfer that delivers the bytes.
    file.take(wanted, this.#position, (error, bytes) => process.nextTick(() => this.#deliver(error, bytes)))
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!(#tellClosed in this)) {
      super._destroy(error, callback)
      return
    }
    // Node waits for the open before it comes here. An abandoned open is no error of its own.
    super._destroy(this.#opening.abandoned ? this.errored : error, (failure) => {
      this.#tellClosed()
      callback(failure)
    })
  }

  #deliver(error: unknown, bytes: Buffer | undefined): void {
    if (this.destroyed) return
    if (error) {
      this.#fail(error as Error)
      return
    }
    this.#passed(bytes?.length ?? 0)
    this.push(bytes ?? null)
  }

  #readInto(memory: Buffer, file: ConsumedFile): Promise<number> {
    const wanted = this.#wanted(memory.length)
    return new Promise((resolve, reject) => {
      if (this.destroyed) throw this.#ending()
      if (wanted === 0) return resolve(0)
      file.read(memory.subarray(0, wanted), this.#position, (error, bytes) => {
        if (this.destroyed) return reject(this.#ending())
        if (error) {
          this.#fail(error as Error)
          return reject(error)
        }
        this.#passed(bytes)
        resolve(bytes)
      })
    })
  }

  get #position(): number {
    return this.pos ?? this.bytesRead
  }

  /** Returns how many of `size` bytes may be read next. */
  #wanted(size: number): number {
    return Math.max(0, Math.min(size, this.end - this.#position + 1))
  }

  #passed(bytes: number): void {
    if (this.pos !== undefined) this.pos += bytes
    this.bytesRead += bytes
  }

  #fail(error: Error): void {
    if (this.autoClose) this.destroy(error)
    else this.emit('error', error)
  }

  #openOrClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.once('ready', resolve)
      void this.#closed.then(resolve)
    })
  }

  #ending(): Error {
    return this.errored ?? new DyadError('ERR_DYAD_CLOSED', { path: String(this.path) })
  }
}
