import fs from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { flatOptions } from '@dyad-ts/core/internal'
import { NativeReadStream, NativeWriteStream } from './native-streams.js'
import type { SequentialDigest } from './sequential-digest.js'

/** Options of FileHandle.createReadStream, except `autoClose`. */
export interface FileReadStreamOptions {
  encoding?: BufferEncoding | undefined
  emitClose?: boolean | undefined
  start?: number | undefined
  end?: number | undefined
  highWaterMark?: number | undefined
  signal?: AbortSignal | undefined
}

/** Options of FileHandle.createWriteStream, except `autoClose` and `flush`. */
export interface FileWriteStreamOptions {
  encoding?: BufferEncoding | undefined
  emitClose?: boolean | undefined
  start?: number | undefined
  highWaterMark?: number | undefined
  signal?: AbortSignal | undefined
}

type Done = (error?: Error | null) => void

/** Streams over an open file that stays open when they end. */
export class FileStreams {
  readonly #fd: number
  /**
   * The streams that may still use the file. Each promise resolves when its stream no longer does.
   */
  readonly #users = new Map<fs.ReadStream | fs.WriteStream, Promise<void>>()

  constructor(fd: number) {
    this.#fd = fd
  }

  reader(options: FileReadStreamOptions = {}): fs.ReadStream {
    return this.#own((close) =>
      make(NativeReadStream, { ...flatOptions(options), fd: this.#fd, fs: { open: fs.open, read: fs.read, close } }),
    )
  }

  /** @param digest the running digest of the file, if the file has one */
  writer(options: FileWriteStreamOptions = {}, digest?: SequentialDigest): fs.WriteStream {
    const { open } = fs
    const { write, writev } = digest ?? fs
    return this.#own((close) =>
      make(NativeWriteStream, { ...flatOptions(options), fd: this.#fd, fs: { open, write, writev, close } }),
    )
  }

  lines(options?: FileReadStreamOptions): Interface & AsyncIterable<string> {
    return createInterface({ input: this.reader(options), crlfDelay: Number.POSITIVE_INFINITY })
  }

  /** Ends the writers, and resolves when all bytes are written. Rejects if a write fails. */
  async end(): Promise<void> {
    const writers = [...this.#users.keys()].filter((stream) => stream instanceof NativeWriteStream)
    await Promise.all(writers.map((writer) => finished(writer.end())))
  }

  /** Destroys the streams that have not ended, and resolves when none uses the file. */
  async destroy(): Promise<void> {
    for (const stream of this.#users.keys()) stream.destroy()
    await Promise.all(this.#users.values())
  }

  /** @param make makes a stream that calls the given function where it would close the file */
  #own<Stream extends fs.ReadStream | fs.WriteStream>(
    make: (close: (fd: number, done: Done) => void) => Stream,
  ): Stream {
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const stream = make((_fd, done) => {
      this.#users.delete(stream)
      release()
      process.nextTick(done)
    })
    this.#users.set(stream, released)
    return stream
  }
}

/** Makes a stream of a class whose constructor Node's types omit. */
function make<Stream>(from: { prototype: Stream }, options: object): Stream {
  return Reflect.construct(from as unknown as new () => Stream, ['', options])
}
