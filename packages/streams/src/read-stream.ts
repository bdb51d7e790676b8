import { setMaxListeners } from 'node:events'
import fs from 'node:fs'
import type { DyadCore, FileRecord } from '@dyad/core'
import { ConsumingOpen } from './consuming-open.js'
import type { OpenFlags } from './flags.js'
import type { Listeners } from './listeners.js'

/** Options of fs.createReadStream, but `fd` and `fs`, and how to wait. */
export interface DyadReadStreamOptions {
  /** @default 'r' */
  flags?: OpenFlags | undefined
  /** Decodes what is read. @default none: chunks are Buffers */
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
  /** Bytes a chunk, and bytes to read ahead. @default 65536 */
  highWaterMark?: number | undefined
  /** Destroys the stream with an AbortError whose cause is the signal's reason. */
  signal?: AbortSignal | null | undefined
  /** Milliseconds to wait for a file that nobody has published yet; 0 is for ever. @default the option `timeout` of the session */
  timeout?: number | undefined
}

/** What is asked for where the end is expected. */
const LEAST_READ_BYTES = 1024

// The types of Node do not tell how these classes are constructed.
const NodeReadStream = fs.ReadStream as unknown as new (
  path: string | URL,
  options: object,
) => Listeners<{ waiting: []; record: [record: FileRecord] }> & fs.ReadStream

/**
 * As fs.ReadStream, of a file that is waited for and brought here, if it is in the consumer-managed directory. Emits 'waiting' if the file is not
 * published yet, and 'record' with the record of what it reads, before 'open'. Its bytes can be read while the rest arrives; 'end' comes once the whole file stands at its
 * path, and an error if the rest does not come. Destroying it ends the wait. Errors are those of DyadCore.consume and of node:fs.
 */
export class DyadReadStream extends NodeReadStream {
  readonly #opening: ConsumingOpen

  constructor(core: DyadCore, path: string | URL, options?: DyadReadStreamOptions | BufferEncoding) {
    const { timeout, ...given }: DyadReadStreamOptions =
      typeof options === 'string' ? { encoding: options } : { ...options }
    // One signal may well end thousands of streams.
    if (given.signal instanceof AbortSignal) setMaxListeners(0, given.signal)
    const opening = new ConsumingOpen(core, timeout, (event, ...details) => {
      if (!this.destroyed) this.emit(event, ...details)
    })
    super(path, { ...given, fd: undefined, fs: opening.fs })
    this.#opening = opening
    // A signal that had fired already has destroyed the stream by now, before this class had a part in it.
    if (this.destroyed) opening.abandon()
  }

  /** As of Readable; ends the wait for the file, too. */
  override destroy(error?: Error): this {
    if (#opening in this) this.#opening.abandon()
    return super.destroy(error)
  }

  /** Asks for no more memory than the rest of the file takes. */
  override _read(size: number): void {
    const left = (this.#opening.size ?? Number.POSITIVE_INFINITY) - this.bytesRead
    super._read(Math.min(size, Math.max(left, LEAST_READ_BYTES)))
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Node waits for the open to end before it comes here. That it was cut short is no error of its own.
    const wasCutShort = #opening in this && this.#opening.abandoned
    super._destroy(wasCutShort ? this.errored : error, callback)
  }
}
