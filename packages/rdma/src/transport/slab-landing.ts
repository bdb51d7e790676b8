import { ACCESS } from '../verbs/constants.js'
import type { Landing, Promised } from './landing.js'
import type { Link } from './link.js'
import { OpenWindow } from './open-window.js'
import type { Piece } from './slab.js'

/** Parts that a piece is cut into, so that one is read while others are written. */
const PARTS = 4

/** A landing in a piece of a slab, whose parts are granted again once they were read. */
export class SlabLanding implements Landing {
  readonly #piece: Piece
  readonly #window: OpenWindow
  readonly #partBytes: number
  readonly #parts: number
  /** Parts that were granted and read, since the beginning; in the same order. */
  #granted = 0
  #read = 0
  #isWithdrawn = false
  #isLeft = false

  constructor(link: Link, piece: Piece) {
    this.#piece = piece
    this.#window = new OpenWindow(link, piece, ACCESS.remoteWrite)
    this.#partBytes = Math.ceil(piece.length / PARTS)
    this.#parts = Math.ceil(piece.length / this.#partBytes)
  }

  next(left: number): Promised | undefined {
    if (this.#granted - this.#read === this.#parts) return undefined
    const before = this.#granted === 0 ? [this.#window.open()] : []
    const at = (this.#granted++ % this.#parts) * this.#partBytes
    const length = Math.min(this.#partBytes, this.#piece.length - at, left)
    const bytes = this.#piece.bytes.subarray(at, at + length)
    const grant = { address: this.#piece.address + at, rkey: this.#window.rkey, length }
    return { grant, part: { length, bytes, read: () => void this.#read++ }, before }
  }

  async withdraw(): Promise<void> {
    await this.#window.withdraw()
    this.#isWithdrawn = true
    this.#release()
  }

  leave(): void {
    this.#isLeft = true
    this.#release()
  }

  #release(): void {
    if (this.#isWithdrawn && this.#isLeft) this.#piece.release()
  }
}
