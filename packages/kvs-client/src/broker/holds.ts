import type { Packed } from '../records/packed.js'

/** A key whose change is committed and must not be seen yet. */
interface Hold {
  /** What is seen meanwhile. */
  readonly before: Packed | undefined
  /** How many have to let go before the change is told. */
  pending: number
  /** What is told then, in this order. */
  readonly tellings: (() => void)[]
}

/**
 * The keys of a keyspace whose changes are held back, so that nobody sees them while others may
 * trust what was before.
 */
export class Holds {
  readonly #holds = new Map<string, Hold>()

  get size(): number {
    return this.#holds.size
  }

  has(key: string): boolean {
    return this.#holds.has(key)
  }

  /** What is to be seen of a record that is stored. */
  seen(key: string, packed: Packed | undefined): Packed | undefined {
    const hold = this.#holds.get(key)
    return hold === undefined ? packed : hold.before
  }

  /** Tells of a change after those of the key that are held back already; whether there are any. */
  follow(key: string, tell: () => void): boolean {
    return this.#holds.get(key)?.tellings.push(tell) !== undefined
  }

  /** Holds a change back until what this returns has been called `pending` times. */
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
