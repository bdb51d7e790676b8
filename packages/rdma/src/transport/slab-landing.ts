import { ACCESS } from '../verbs/constants.js'
import type { Landing, Promised } from './landing.js'
import type { Link } from './link.js'
import { OpenWindow } from './open-window.js'
import type { Slab } from './slabs.js'

/** Number of parts of a slab, so that one is read while others are written. */
const PARTS = 4
/**
 * Least size of a part if all bytes of a transfer fit into its slab. Each part costs a write and an
 * event.
 */
const LEAST_BYTES = 64 * 1024

/** A landing in a slab, whose parts are granted again once they are read. */
export class SlabLanding implements Landing {
  readonly #slab: Slab
  readonly #window: OpenWindow
  readonly #partBytes: number
  readonly #parts: number
  /** Numbers of parts granted and read so far. Both happen in the same order. */
  #granted = 0
  #read = 0
  #isWithdrawn = false
  #isLeft = false

  /** @param size number of bytes of the transfer */
  constructor(link: Link, slab: Slab, size: number) {
    this.#slab = slab
    this.#window = new OpenWindow(link, slab, ACCESS.remoteWrite)
    const least = size <= slab.length ? LEAST_BYTES : 1
    this.#partBytes = Math.max(Math.ceil(slab.length / PARTS), Math.min(slab.length, least))
    this.#parts = Math.ceil(slab.length / this.#partBytes)
  }

  next(left: number): Promised | undefined {
    if (this.#granted - this.#read === this.#parts) return undefined
    const before = this.#granted === 0 ? [this.#window.open()] : []
    const at = (this.#granted++ % this.#parts) * this.#partBytes
    const length = Math.min(this.#partBytes, this.#slab.length - at, left)
    const bytes = this.#slab.bytes.subarray(at, at + length)
    const grant = { address: this.#slab.address + at, rkey: this.#window.rkey, length }
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
    if (this.#isWithdrawn && this.#isLeft) this.#slab.release()
  }
}
