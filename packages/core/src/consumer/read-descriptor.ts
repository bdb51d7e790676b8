import { closeSync, read, readSync } from 'node:fs'
import { descriptorClosed } from '../files/descriptors.js'
import type { DiskPace } from '../files/disk-pace.js'

/** Called with the number of bytes read, 0 at the end. May be called before `read` returns. */
export type ReadDone = (error: unknown, bytes: number) => void

/**
 * Reads from a descriptor: at once while files are in memory, and through the thread pool where the
 * disk is slow. Owns the descriptor, and closes it.
 */
export class ReadDescriptor {
  readonly fd: number
  readonly #pace: DiskPace
  #reading = 0
  #isEnded = false

  constructor(fd: number, pace: DiskPace) {
    this.fd = fd
    this.#pace = pace
  }

  /** Whether it refuses further reads. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  read(buffer: Uint8Array, position: number, done: ReadDone): void {
    if (this.#pace.isSlow) {
      this.#reading++
      read(this.fd, buffer, 0, buffer.length, position, (error, bytes) => {
        this.#reading--
        if (this.#isEnded) this.end()
        done(error, bytes)
      })
      return
    }
    let bytes: number
    try {
      bytes = this.#pace.time(() => readSync(this.fd, buffer, 0, buffer.length, position))
    } catch (error) {
      done(error, 0)
      return
    }
    done(null, bytes)
  }

  /**
   * Closes the descriptor once no read is under way; until then its number must not be another
   * file's.
   */
  end(): void {
    this.#isEnded = true
    if (this.#reading > 0) return
    closeSync(this.fd)
    descriptorClosed()
  }
}
