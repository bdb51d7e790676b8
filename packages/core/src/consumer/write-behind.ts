import { writeAll } from '../files/write-all.js'

/** Longest piece given to the system at once, in bytes. */
const BUFFER_BYTES = 1024 * 1024
/** Buffers kept for the next file, in this process. */
const SPARE_BUFFERS = 8
const spare: Buffer[] = []

/**
 * Writes a file on to its end, behind its caller: bytes are copied into one of two buffers, and one
 * is written while the other fills. A write begins as soon as none is under way, so nothing waits
 * for a buffer to be full. The maker closes it, and closes the descriptor.
 */
export class WriteBehind {
  readonly #fd: number
  readonly #onWritten: (bytes: number) => void
  readonly #buffers: [Buffer, Buffer]
  #filling: 0 | 1 = 0
  #filled = 0
  #written: number
  #writing: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /**
   * @param written bytes that are in the file already
   * @param onWritten called after each write with the number of bytes in the file
   */
  constructor(fd: number, written: number, onWritten: (bytes: number) => void) {
    this.#fd = fd
    this.#written = written
    this.#onWritten = onWritten
    this.#buffers = [takeBuffer(), takeBuffer()]
  }

  /**
   * Takes all of `chunk`, which is the caller's again when this resolves; rejects with what any
   * write so far has failed with.
   */
  async write(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length; ) {
      this.#throwFailure()
      if (this.#filled === BUFFER_BYTES) {
        await this.#writing
        continue
      }
      const part = chunk.subarray(taken, taken + BUFFER_BYTES - this.#filled)
      this.#buffers[this.#filling].set(part, this.#filled)
      this.#filled += part.length
      taken += part.length
      if (this.#writing === undefined) this.#begin()
    }
  }

  /** Resolves when every byte is in the file; rejects with what any write has failed with. */
  async drain(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
    this.#throwFailure()
  }

  /** Waits for the write under way, and begins no other. */
  async close(): Promise<void> {
    this.#filled = 0
    await this.#writing
    for (const buffer of this.#buffers) if (spare.length < SPARE_BUFFERS) spare.push(buffer)
  }

  #begin(): void {
    const buffer = this.#buffers[this.#filling]
    const length = this.#filled
    this.#filling = this.#filling === 0 ? 1 : 0
    this.#filled = 0
    this.#writing = writeAll(this.#fd, buffer.subarray(0, length), this.#written).then(
      () => {
        this.#writing = undefined
        this.#written += length
        if (this.#filled > 0) this.#begin()
        this.#onWritten(this.#written)
      },
      (error) => {
        this.#writing = undefined
        this.#failure = { error }
      },
    )
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
}
