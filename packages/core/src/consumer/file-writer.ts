import { writeSync } from 'node:fs'
import type { DiskPace } from '../files/disk-pace.js'
import { WriteBehind } from './write-behind.js'

/**
 * Writes a file from its beginning on: at once as long as that goes to memory, since handing it to
 * another thread and back costs as much as it saves there, and behind its caller, on another
 * thread, where the disk is slow. The maker closes it, and closes the descriptor.
 */
export class FileWriter {
  readonly #fd: number
  readonly #pace: DiskPace
  readonly #onWritten: (bytes: number) => void
  #behind: WriteBehind | undefined
  #written = 0

  /** @param onWritten called after each write with the number of bytes in the file */
  constructor(fd: number, pace: DiskPace, onWritten: (bytes: number) => void) {
    this.#fd = fd
    this.#pace = pace
    this.#onWritten = onWritten
  }

  /**
   * Whether bytes are written behind, so that those taken last may not be in the file for a while.
   */
  get isBehind(): boolean {
    return this.#behind !== undefined || this.#pace.isSlow
  }

  /**
   * Takes all of `chunk`, which is the caller's again when this resolves, or returns. Fails with
   * what any write so far has failed with.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (!this.isBehind) {
      this.writeAtOnce(chunk)
      return undefined
    }
    this.#behind ??= this.#writeBehind()
    return this.#behind.write(chunk)
  }

  /** As `write`, but never behind: for little. */
  writeAtOnce(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.length; ) {
      const position = this.#written + done
      done += this.#pace.time(() => writeSync(this.#fd, chunk, done, chunk.length - done, position))
    }
    this.#advance(this.#written + chunk.length)
  }

  /** The next bytes are in the file already. */
  skip(length: number): void {
    this.#advance(this.#written + length)
  }

  /** Resolves when every byte is in the file; rejects with what any write has failed with. */
  async drain(): Promise<void> {
    await this.#behind?.drain()
  }

  /** Waits for the write under way, and begins no other. */
  async close(): Promise<void> {
    await this.#behind?.close()
  }

  #writeBehind(): WriteBehind {
    return new WriteBehind(this.#fd, this.#written, (bytes) => this.#advance(bytes))
  }

  #advance(written: number): void {
    this.#written = written
    this.#onWritten(written)
  }
}
