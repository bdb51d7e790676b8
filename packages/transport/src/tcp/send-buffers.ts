import { VERIFIED_BYTES } from './frames.js'

/**
 * Where the bytes of a file begin in a send buffer: behind the room for the head of a reply, and
 * aligned, so that copies are fast.
 */
export const DATA_AT = 64
/** Room of a small buffer, in bytes. */
const SMALL_BYTES = 64 * 1024
/** Memory of all large buffers of a server, in bytes. */
const MAX_LARGE_BYTES = 32 * 1024 * 1024
/** Most small buffers that are kept for later. */
const MAX_KEPT = 64

/** Memory for a chunk of a file, with the head of a reply before it and the end of one behind. */
export interface SendBuffer {
  readonly bytes: Buffer
  /** Longest chunk that fits, in bytes. */
  readonly room: number
}

/**
 * The send buffers of a server, used again and again. There are few large ones. While all of them
 * are taken, transfers get small ones. So slow readers keep no others waiting, and the number of
 * open files bounds the memory.
 */
export class SendBuffers {
  readonly #largeRoom: number
  readonly #largeFree: SendBuffer[] = []
  readonly #smallFree: SendBuffer[] = []
  readonly #onScarce: () => void
  #largeLeft: number

  /** @param onScarce called when a transfer needs a large buffer and none is left */
  constructor(chunkBytes: number, onScarce: () => void) {
    this.#onScarce = onScarce
    this.#largeRoom = chunkBytes
    this.#largeLeft = chunkBytes <= SMALL_BYTES ? 0 : Math.max(2, Math.floor(MAX_LARGE_BYTES / chunkBytes))
  }

  /** Returns a buffer for up to `wanted` bytes, or a small one. */
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

  /** Takes a buffer back, once the operating system has taken its bytes. */
  give(buffer: SendBuffer): void {
    if (buffer.room > SMALL_BYTES) this.#largeFree.push(buffer)
    else if (this.#smallFree.length < MAX_KEPT) this.#smallFree.push(buffer)
  }
}

function allocate(room: number): SendBuffer {
  return { bytes: Buffer.allocUnsafeSlow(DATA_AT + room + VERIFIED_BYTES), room }
}
