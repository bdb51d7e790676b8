/** Chunks kept for the next transfer of a link, in bytes together. */
const MAX_FREE_BYTES = 8 * 1024 * 1024

/** Memory that the chunks of one link are received into, used again and again by its transfers. */
export class ReceiveBuffers {
  readonly #free: Buffer[] = []

  /**
   * At least `length` bytes; whoever takes it gives it back, unless somebody may still look at it.
   */
  take(length: number): Buffer {
    const last = this.#free.pop()
    return last !== undefined && last.length >= length ? last : Buffer.allocUnsafeSlow(length)
  }

  give(buffer: Buffer): void {
    if ((this.#free.length + 1) * buffer.length <= MAX_FREE_BYTES) this.#free.push(buffer)
  }
}
