import { VERIFIED_BYTES } from './frames.js'

/**
 * Where the bytes of a file begin in a send buffer: after the room for the head of a reply, at an
 * address that copies like.
 */
export const DATA_AT = 64
/** Data that a small buffer takes, in bytes. */
const SMALL_BYTES = 64 * 1024
/** Memory that the large buffers of a server take together, in bytes. */
const MAX_LARGE_BYTES = 32 * 1024 * 1024
/** Small buffers that are kept for later. */
const MAX_KEPT = 64

/** Room for a chunk of a file, with the head of a reply before it and the end of one after it. */
export interface SendBuffer {
  readonly bytes: Buffer
  /** Longest chunk that it takes, in bytes. */
  readonly room: number
}

/**
 * The send buffers of a server, used again and again. Large ones are few, and who comes when they
 * are all taken gets small ones, so that slow readers hold up nobody and memory stays bounded by
 * the number of open files.
 */
export class SendBuffers {
  readonly #largeRoom: number
  readonly #largeFree: SendBuffer[] = []
  readonly #smallFree: SendBuffer[] = []
  readonly #onScarce: () => void
  #largeLeft: number

  /** @param onScarce called when a large buffer is wanted and none is left */
  constructor(chunkBytes: number, onScarce: () => void) {
    this.#onScarce = onScarce
    this.#largeRoom = chunkBytes
    this.#largeLeft = chunkBytes <= SMALL_BYTES ? 0 : Math.max(2, Math.floor(MAX_LARGE_BYTES / chunkBytes))
  }

  /** A buffer for up to `wanted` bytes. */
  take(wanted: number): SendBuffer {
    const smallRoom = Math.min(SMALL_BYTES, this.#largeRoom)
    if (wanted > smallRoom) {
      const free = this.#largeFree.pop()
      if (free !== undefined) return free
      if (this.#largeLeft > 0) {
        this.#largeLeft--
        return allocate(this.#largeRoom)
      }
      this.#onScarce()
    }
    return this.#smallFree.pop() ?? allocate(smallRoom)
  }

  /** Takes a buffer back, once the operating system has taken what is in it. */
  give(buffer: SendBuffer): void {
    if (buffer.room > SMALL_BYTES) this.#largeFree.push(buffer)
    else if (this.#smallFree.length < MAX_KEPT) this.#smallFree.push(buffer)
  }
}

function allocate(room: number): SendBuffer {
  return { bytes: Buffer.allocUnsafeSlow(DATA_AT + room + VERIFIED_BYTES), room }
}
