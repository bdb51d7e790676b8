import type { KvsEntry, Lease } from '@dyad-ts/core'

/** A requested lease, and its state. */
export class HeldLease implements Lease {
  /** The id of its request, which names it to the broker. */
  readonly id: number
  readonly space: string
  readonly key: string
  entry: KvsEntry | undefined
  /** When it ends by this side's clock, in ms; 0 until the broker has given it. */
  until = 0
  /** Whether it was revoked, returned or overwritten by this client, maybe before it was given. */
  over = false
  readonly #giveBack: (lease: HeldLease) => void

  constructor(giveBack: (lease: HeldLease) => void, id: number, space: string, key: string) {
    this.#giveBack = giveBack
    this.id = id
    this.space = space
    this.key = key
  }

  get valid(): boolean {
    return !this.over && performance.now() < this.until
  }

  [Symbol.dispose](): void {
    this.#giveBack(this)
  }
}
