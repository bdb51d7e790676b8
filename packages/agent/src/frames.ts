import { DyadError } from '@dyad-ts/core'

/** Version of the protocol; see docs/agent-protocol.md. */
export const VERSION = 1
/** Bytes of the length before each frame. */
export const LENGTH_BYTES = 4
/** Least and greatest length, in bytes: from a kind and an id to the longest frame. */
const LEAST_LENGTH = 5
const GREATEST_LENGTH = 65_536

/** Kinds of requests. */
export const REQUEST = {
  HELLO: 1,
  CONSUME: 2,
  LOOK: 3,
  PRODUCE: 4,
  CHANGE: 5,
  REMOVE: 6,
  MOVE: 7,
  REPORT: 8,
  OWN: 9,
  NEWS: 10,
} as const

/** Kinds of answers. */
export const ANSWER = { DONE: 128, ABSENT: 129, RECORD: 130, REPORTED: 131, FAILED: 132 } as const

/** Returns the error for bytes that are not the protocol. */
export function wrongFrame(detail: string): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail })
}

/**
 * Takes a whole frame. `bytes` from `start` (its kind) to `end` are the callee's until it returns.
 */
export type TakeFrame = (bytes: Buffer, start: number, end: number) => void

/** Cuts the bytes of a connection into frames. It keeps an incomplete frame. */
export class FrameReader {
  #part = Buffer.alloc(0)
  #filled = 0

  /** Whether a frame is incomplete. */
  get isMidway(): boolean {
    return this.#filled > 0
  }

  /** Takes received bytes. ERR_DYAD_PROTOCOL for a length that no frame has. */
  push(chunk: Buffer, take: TakeFrame): void {
    let at = this.#filled > 0 ? this.#complete(chunk, take) : 0
    while (chunk.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + lengthAt(chunk, at)
      if (end > chunk.length) break
      take(chunk, at + LENGTH_BYTES, end)
      at = end
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length)
  }

  /** Adds bytes to the incomplete frame. Returns how many it took. */
  #complete(chunk: Buffer, take: TakeFrame): number {
    let at = 0
    if (this.#filled < LENGTH_BYTES) {
      at = Math.min(LENGTH_BYTES - this.#filled, chunk.length)
      this.#keep(chunk, 0, at)
      if (this.#filled < LENGTH_BYTES) return at
    }
    const whole = LENGTH_BYTES + lengthAt(this.#part, 0)
    const end = Math.min(at + whole - this.#filled, chunk.length)
    this.#keep(chunk, at, end)
    if (this.#filled < whole) return end
    const part = this.#part
    this.#part = Buffer.alloc(0)
    this.#filled = 0
    take(part, LENGTH_BYTES, whole)
    return end
  }

  /** Copies the bytes of a frame in many pieces only once. */
  #keep(chunk: Buffer, start: number, end: number): void {
    const length = end - start
    if (
      this.#part.length < this.#filled + length ||
      (this.#filled >= LENGTH_BYTES && this.#part.length < this.#whole)
    ) {
      const known = this.#filled >= LENGTH_BYTES ? this.#whole : 0
      const grown = Buffer.allocUnsafe(Math.max(known, this.#filled + length))
      this.#part.copy(grown, 0, 0, this.#filled)
      this.#part = grown
    }
    chunk.copy(this.#part, this.#filled, start, end)
    this.#filled += length
  }

  get #whole(): number {
    return LENGTH_BYTES + lengthAt(this.#part, 0)
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at)
  if (length < LEAST_LENGTH || length > GREATEST_LENGTH) throw wrongFrame(`a frame of ${length} bytes`)
  return length
}
