import { setMaxListeners } from 'node:events'
import type fs from 'node:fs'
import type { DyadCore, FileRecord } from '@dyad-ts/core'
import type { OpenFlags } from './flags.js'
import type { Listeners } from './listeners.js'
import { NativeWriteStream } from './native-streams.js'
import { StagedOutput } from './staged-output.js'
import { streamOptions } from './stream-options.js'

/** Options of fs.createWriteStream, but `fd` and `fs`. */
export interface DyadWriteStreamOptions {
  /** 'w' writes the file anew; 'a' and 'r+' change the one that stands there. @default 'w' */
  flags?: OpenFlags | undefined
  /** How strings are encoded. @default 'utf8' */
  encoding?: BufferEncoding | undefined
  /** Permissions of a file that is new, less the process's umask. @default 0o666 */
  mode?: number | undefined
  /**
   * Whether the file is closed, and published, after its end; if not, `destroy()` or `close()`
   * after the end does. @default true
   */
  autoClose?: boolean | undefined
  /** Whether 'close' is emitted. @default true */
  emitClose?: boolean | undefined
  /** Where in the file to begin. @default 0, or the end with 'a' */
  start?: number | undefined
  /** Bytes that may wait before `write()` asks to pause. @default 16384 */
  highWaterMark?: number | undefined
  /** Whether the bytes are on stable storage before the file is closed. @default false */
  flush?: boolean | undefined
  /** Destroys the stream with an AbortError whose cause is the signal's reason. */
  signal?: AbortSignal | null | undefined
}

// The types of Node do not tell how these classes are constructed, and those of Node 20 not that
// they can be disposed of.
const NodeWriteStream = NativeWriteStream as unknown as new (
  path: string | URL,
  options: object,
) => Listeners<{ published: [record: FileRecord] }> & fs.WriteStream & AsyncDisposable

/**
 * As fs.WriteStream, to a file that is published when it ends, if it is in the producer-managed
 * directory: bytes written, file closed, in place, record visible to every consumer, 'published',
 * and only then 'finish'. Destroyed before that, it publishes nothing and leaves nothing. Errors
 * are those of DyadCore.produce and of node:fs. Its record has the digest of what the stream
 * writes: what a program writes through `fd`, past the stream, makes consumers refuse the file, and
 * is for DyadFile.
 */
export class DyadWriteStream extends NodeWriteStream {
  readonly #output: StagedOutput
  readonly #publishesAtFinish: boolean

  constructor(core: DyadCore, path: string | URL, options?: DyadWriteStreamOptions | BufferEncoding) {
    const { autoClose = true, flush, signal } = Object(options) as DyadWriteStreamOptions
    // One signal may well end thousands of streams.
    if (signal instanceof AbortSignal) setMaxListeners(0, signal)
    const output = new StagedOutput(core, flush === true, signal ?? undefined)
    super(path, streamOptions(options, output.fs))
    this.#output = output
    this.#publishesAtFinish = autoClose
    // A signal that had fired already has destroyed the stream by now, before this class had a part
    // in it. Node would open the file all the same.
    if (this.destroyed) output.abandon()
  }

  /** As of fs.WriteStream; closes a stream that is finished but still open, too. */
  override close(callback?: (error?: NodeJS.ErrnoException | null) => void): void {
    super.close(callback)
    // With `autoClose` off Node closes at 'finish', which will not come again.
    if (this.writableFinished && !this.#publishesAtFinish) this.destroy()
  }

  /**
   * As of Writable; ends the wait for a descriptor, and what is being published, too: whether the
   * record is stored is not known then, and the file stands in its place. Neither 'published' nor
   * 'finish' is emitted.
   */
  override destroy(...args: Parameters<fs.WriteStream['destroy']>): this {
    const [error] = args
    // With `autoClose` off it is what publishes a finished stream.
    if (#output in this && (error || !this.writableFinished)) this.#output.endWait()
    // Node takes a callback behind the error, which its types leave out.
    return Reflect.apply(super.destroy, this, args)
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#publishesAtFinish) this.#publish(callback)
    else callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const isNotWanted = #output in this && this.#output.hasEndedWait
    super._destroy(isNotWanted ? this.errored : error, (failure) => {
      if (!(#output in this)) return callback(failure)
      if (!failure && this.writableFinished) return this.#publish(callback)
      const ended = (discarding?: Error | undefined) => process.nextTick(callback, failure ?? discarding)
      this.#output.discard().then(() => ended(), ended)
    })
  }

  #publish(callback: (error?: Error | null) => void): void {
    this.#output.publish().then(
      (record) =>
        process.nextTick(() => {
          if (record !== undefined) this.emit('published', record)
          callback()
        }),
      (error: Error) => process.nextTick(callback, error),
    )
  }
}
