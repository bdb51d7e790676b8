import { writeSync } from 'node:fs'
import { WriteBehind } from './write-behind.js'

/**
 * A write that takes longer goes not to memory but to a disk that others wait for too, in ms a MiB: memory takes a half to one, the slowest disk cache that keeps up with
 * a network of 10 Gbit/s as well.
 */
const SLOW_MS_PER_MIB = 4
/** Shorter writes tell too little about the disk, in ms. */
const SHORTEST_SLOW_MS = 2
/** Once a write was slow, so many bytes are written behind before it is tried again whether it still is. */
const BEHIND_BYTES = 64 * 1024 * 1024

const MIB = 1024 * 1024

/** Bytes of this process that are to be written behind for now. */
let behindBytes = 0

/**
 * Writes a file from its beginning on: at once as long as that goes to memory, since handing it to another thread and back costs as much as it saves there, and behind its
 * caller, on another thread, where the disk is slow. Whoever made it closes it; the descriptor stays theirs.
 */
export class FileWriter {
  readonly #fd: number
  readonly #onWritten: (bytes: number) => void
  #behind: WriteBehind | undefined
  #written = 0

  /** @param onWritten told how many bytes are in the file, each time that some were written */
  constructor(fd: number, onWritten: (bytes: number) => void) {
    this.#fd = fd
    this.#onWritten = onWritten
  }

  /** Bytes that are in the file. */
  get written(): number {
    return this.#written
  }

  /** Takes all of `chunk`, which is the caller's again when this resolves, or returns. Fails with what any write so far has failed with. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#behind === undefined && behindBytes > 0) this.#behind = this.#writeBehind()
    if (this.#behind === undefined) {
      this.writeAtOnce(chunk)
      return undefined
    }
    behindBytes -= chunk.length
    return this.#behind.write(chunk)
  }

  /** As `write`, but never behind: for little. */
  writeAtOnce(chunk: Uint8Array): void {
    const begun = performance.now()
    for (let done = 0; done < chunk.length; ) {
      done += writeSync(this.#fd, chunk, done, chunk.length - done, this.#written + done)
    }
    const took = performance.now() - begun
    if (took > Math.max(SHORTEST_SLOW_MS, (SLOW_MS_PER_MIB * chunk.length) / MIB)) behindBytes = BEHIND_BYTES
    this.#advance(this.#written + chunk.length)
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
