import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Dyad, DyadReadStream } from '@dyad-ts/dyad'
import { note } from './answer.js'

/** How to read; the notes carry the name `as`, by default the path. */
export interface HaltingOptions {
  as?: string
  timeout?: number
  /**
   * Once it has read so many bytes, the whole process says that it is `paused` and does nothing at
   * all until it is unblocked.
   */
  pauseAt?: number
  /**
   * Once it has read so many bytes, the reader says that it is `halted` and reads no further until
   * `proceed`, while the process goes on.
   */
  haltAt?: number
}

/** What was read. */
export interface Reading {
  size: number
  sha256: string
  /** Size of what stood at the path when 'end' came. */
  standing: number | undefined
}

/** Readers of one process that stop where a test says, and go on at its word. */
export class HaltingReaders {
  readonly #halted = new Map<string, () => void>()
  readonly #streams = new Map<string, DyadReadStream>()

  async read(
    core: Dyad,
    path: string,
    { as = path, timeout, pauseAt = Number.POSITIVE_INFINITY, haltAt = Number.POSITIVE_INFINITY }: HaltingOptions = {},
  ): Promise<Reading> {
    const hash = createHash('sha256')
    const stream = new DyadReadStream(core, path, { timeout })
    const local = join(core.config.consumerPath ?? '', path)
    let standing: number | undefined
    stream.once('end', () => {
      standing = statSync(local, { throwIfNoEntry: false })?.size
      note('end', as)
    })
    this.#streams.set(as, stream)
    let size = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk)
      const before = size
      size += chunk.length
      if (before < pauseAt && size >= pauseAt) {
        note('paused', as)
        readSync(0, Buffer.alloc(1))
      }
      if (before < haltAt && size >= haltAt) {
        const proceed = new Promise<void>((resolve) => this.#halted.set(as, resolve))
        note('halted', as)
        await proceed
      }
    }
    return { size, sha256: hash.digest('hex'), standing }
  }

  /** Lets a reader go on that has halted. */
  proceed(as: string): void {
    this.#halted.get(as)?.()
  }

  /** Destroys a reader, and resolves when it has closed; what it reads rejects. */
  async destroy(as: string): Promise<void> {
    const stream = this.#streams.get(as)
    if (stream === undefined) throw new Error(`there is no reader ${as}`)
    const closed = once(stream, 'close')
    stream.destroy()
    this.#halted.get(as)?.()
    await closed
  }
}
