import { setMaxListeners } from 'node:events'
import type fs from 'node:fs'
import type { DyadCore, FileRecord } from '@dyad-ts/core'
import type { OpenFlags } from './flags.js'
import type { Listeners } from './listeners.js'
import { NativeWriteStream } from './native-streams.js'
import { StagedOutput } from './staged-output.js'
import { streamOptions } from './stream-options.js'

/** Options of fs.createWriteStream, except `fd` and `fs`. */
export interface DyadWriteStreamOptions {
  /** 'w' writes the file anew. 'a' and 'r+' change the existing file. @default 'w' */
  flags?: OpenFlags | undefined
  /** Encoding of strings. @default 'utf8' */
  encoding?: BufferEncoding | undefined
  /** Permissions of a new file, less the process's umask. @default 0o666 */
  mode?: number | undefined
  /**
   * Whether the file is closed and published after its end. If not, `destroy()` or `close()` after
   * the end does so. @default true
   */
  autoClose?: boolean | undefined
  /** Whether 'close' is emitted. @default true */
  emitClose?: boolean | undefined
  /** Position of the first byte in the file. @default 0, or the end with 'a' */
  start?: number | undefined
  /** Bytes that may be buffered before `write()` returns false. @default 16384 */
  highWaterMark?: number | undefined
  /** Whether to sync the bytes to stable storage before the file is closed. @default false */
  flush?: boolean | undefined
  /** Destroys the stream with an AbortError whose cause is the signal's reason. */
  signal?: AbortSignal | null | undefined
}

// Node's types omit how these classes are constructed, and Node 20's omit that they can be disposed
// of.
const NodeWriteStream = NativeWriteStream as unknown as new (
  path: string | URL,
  options: object,
) => Listeners<{ published: [record: FileRecord] }> & fs.WriteStream & AsyncDisposable

/**
 * An fs.WriteStream whose file is published when it ends, if it is in the producer-managed
 * directory. The order is: bytes written, file closed, file in place, record visible to every
 * consumer, 'published', 'finish'. A stream that is destroyed before publishes nothing and leaves
 * nothing. Errors are those of DyadCore.produce and of node:fs. The record has the digest of the
 * stream's bytes. If a program writes through `fd`, past the stream, consumers refuse the file;
 * DyadFile is for such writes.
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
    // A signal that had fired before has destroyed the stream by now, before this class could
    // react. Node would open the file nevertheless.
    if (this.destroyed) output.abandon()
  }

  /** As fs.WriteStream.close. It also closes a stream that is finished but still open. */
  override close(callback?: (error?: NodeJS.ErrnoException | null) => void): void {
    super.close(callback)
    // With `autoClose` off Node closes at 'finish', which has already come.
    if (this.writableFinished && !this.#publishesAtFinish) this.destroy()
  }

  /**
   * As Writable.destroy. It also ends the wait for a descriptor and the publish. The file then
   * stands in its place, and its record may be stored or not. The stream emits neither 'published'
   * nor 'finish'.
   */
  override destroy(...args: Parameters<fs.WriteStream['destroy']>): this {
    const [error] = args
    // With `autoClose` off this publishes a finished stream.
    if (#output in this && (error || !this.writableFinished)) this.#output.endWait()
    // Node takes a callback after the error, which its types omit.
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
