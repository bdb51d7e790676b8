/** Most memory that a link keeps for its next transfer, in bytes. */
const MAX_FREE_BYTES = 8 * 1024 * 1024

/** The buffers that hold the chunks of one link, used again and again by its transfers. */
export class ReceiveBuffers {
  readonly #free: Buffer[] = []

  /**
   * Returns a buffer of at least `length` bytes. The caller gives it back, unless a reader may
   * still use it.
   */
  take(length: number): Buffer {
    const last = this.#free.pop()
    return last !== undefined && last.length >= length ? last : Buffer.allocUnsafeSlow(length)
  }

  give(buffer: Buffer): void {
    if ((this.#free.length + 1) * buffer.length <= MAX_FREE_BYTES) this.#free.push(buffer)
  }
}
