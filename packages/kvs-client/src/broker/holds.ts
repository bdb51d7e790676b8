import type { Packed } from '../records/packed.js'

/** A key with a committed change that must not be visible yet. */
interface Hold {
  /** The record that stays visible meanwhile. */
  readonly before: Packed | undefined
  /** Number of leases that must end before the change becomes visible. */
  pending: number
  /** Called then, in this order. */
  readonly tellings: (() => void)[]
}

/**
 * The keys of a keyspace whose changes are held back: they are invisible while clients may trust
 * the former record.
 */
export class Holds {
  readonly #holds = new Map<string, Hold>()

  get size(): number {
    return this.#holds.size
  }

  has(key: string): boolean {
    return this.#holds.has(key)
  }

  /** Returns the visible record of a key, given the stored one. */
  seen(key: string, packed: Packed | undefined): Packed | undefined {
    const hold = this.#holds.get(key)
    return hold === undefined ? packed : hold.before
  }

  /** Calls `tell` after the held changes of the key. Returns false if it has none. */
  follow(key: string, tell: () => void): boolean {
    return this.#holds.get(key)?.tellings.push(tell) !== undefined
  }

  /** Holds a change back until the returned function has been called `pending` times. */
  begin(key: string, before: Packed | undefined, pending: number, tell: () => void): () => void {
    const hold: Hold = { before, pending, tellings: [tell] }
    this.#holds.set(key, hold)
    return () => {
      if (--hold.pending > 0) return
      this.#holds.delete(key)
      for (const each of hold.tellings) each()
    }
  }
}
