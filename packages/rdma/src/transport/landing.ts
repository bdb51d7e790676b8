import type { Buffer } from 'node:buffer'
import { ACCESS } from '../verbs/constants.js'
import type { MemoryWindow } from '../verbs/memory.js'
import type { SendRequest } from '../verbs/queue-pair.js'
import type { Grant } from './frames.js'
import type { Link } from './link.js'
import type { Piece } from './slab.js'

/** Parts that a landing is cut into, so that one is read while others are written. */
const PARTS = 4

/** Where the bytes of one transfer arrive: a piece of a slab that the owner may write through a key of its own, until it is withdrawn. */
export class Landing {
  /** What must be done before the owner is told of the grants. */
  readonly bind: SendRequest
  readonly #link: Link
  readonly #piece: Piece
  readonly #window: MemoryWindow
  readonly #rkey: number
  readonly #partBytes: number
  readonly #parts: number
  /** Parts that were granted, filled, and read, since the beginning; in the same order. */
  #granted = 0
  #filled = 0
  #read = 0
  #isWithdrawn = false
  #isLeft = false

  constructor(link: Link, piece: Piece) {
    this.#link = link
    this.#piece = piece
    this.#window = link.adapter.takeWindow()
    this.#rkey = this.#window.nextKey()
    this.#partBytes = Math.max(1, Math.ceil(piece.length / PARTS))
    this.#parts = Math.ceil(piece.length / this.#partBytes)
    this.bind = { op: 'bind', window: this.#window, rkey: this.#rkey, span: piece, access: ACCESS.remoteWrite }
  }

  /** Grants the next part for up to `left` bytes; undefined if none is free, or nothing is left. */
  grant(left: number): Grant | undefined {
    if (left === 0 || this.#granted - this.#read === this.#parts) return undefined
    const { at, length } = this.#part(this.#granted++, left)
    return { address: this.#piece.address + at, rkey: this.#rkey, length }
  }

  /** What was filled next, of the `left` bytes of the file that were still to come; undefined if nothing was granted. */
  filled(left: number): Buffer | undefined {
    if (this.#filled === this.#granted) return undefined
    const { at, length } = this.#part(this.#filled++, left)
    return this.#piece.bytes.subarray(at, at + length)
  }

  /** The part that was filled first may be granted again. */
  read(): void {
    this.#read++
  }

  /** The owner writes no more: from now on it cannot. */
  withdraw(): void {
    const { adapter } = this.#link
    const done = (status: number) => {
      // A window that could not be unbound is of no more use.
      if (status === 0) adapter.giveWindow(this.#window)
      else this.#window[Symbol.dispose]()
      this.#isWithdrawn = true
      this.#release()
    }
    this.#link.post([{ op: 'invalidate', rkey: this.#rkey }], { done })
  }

  /** Nobody looks at it any more. */
  leave(): void {
    this.#isLeft = true
    this.#release()
  }

  #part(index: number, left: number): { at: number; length: number } {
    const at = (index % this.#parts) * this.#partBytes
    return { at, length: Math.min(this.#partBytes, this.#piece.length - at, left) }
  }

  #release(): void {
    if (this.#isWithdrawn && this.#isLeft) this.#piece.release()
  }
}
