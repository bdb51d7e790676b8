import { Slots } from '@dyad-ts/core/internal'
import { DATA_HEADER_BYTES } from './frames.js'

/** Most memory of one link's frames that the operating system has not taken yet, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024
const MIN_BUFFERS = 2
const MAX_BUFFERS = 16

/**
 * The send buffers of one link, each for the longest data frame. Its transfers use them again and
 * again, in the order in which they ask for them.
 */
export class SendBuffers {
  /** Longest chunk that fits, in bytes. */
  readonly chunkBytes: number
  readonly #slots: Slots
  readonly #free: Buffer[] = []

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes
    this.#slots = new Slots(Math.min(MAX_BUFFERS, Math.max(MIN_BUFFERS, Math.floor(MAX_BYTES / chunkBytes))))
  }

  /** Returns a buffer, or undefined if none is free. */
  tryAcquire(): Buffer | undefined {
    return this.#slots.tryAcquire() ? this.#take() : undefined
  }

  /** Resolves with a buffer once one is free. Rejects with the signal's reason. */
  async acquire(signal: AbortSignal): Promise<Buffer> {
    await this.#slots.acquire(signal)
    return this.#take()
  }

  release(buffer: Buffer): void {
    this.#free.push(buffer)
    this.#slots.release()
  }

  #take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.chunkBytes + DATA_HEADER_BYTES)
  }
}
