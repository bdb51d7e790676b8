import type { KvsEntry } from '@dyad-ts/core'
import { HeldLease } from './held-lease.js'

/** Returns a lease to the broker. Without `hurry` it goes with the next request. */
export type GiveBack = (id: number, hurry: boolean) => void

/** The requested and granted leases of one connection, until they end. */
export class LeaseBook {
  readonly #giveBack: GiveBack
  /** By id. */
  readonly #all = new Map<number, HeldLease>()
  /** Granted leases, roughly in the order in which they end. */
  readonly #given = new Set<HeldLease>()
  readonly #byKey = new Map<string, Set<HeldLease>>()
  /** One function for all leases. */
  readonly #disposed = (lease: HeldLease) => this.giveBack(lease)

  constructor(giveBack: GiveBack) {
    this.#giveBack = giveBack
  }

  /** Adds a requested lease. */
  begin(id: number, space: string, key: string): HeldLease {
    const lease = new HeldLease(this.#disposed, id, space, key)
    this.#all.set(id, lease)
    const name = nameOf(space, key)
    const same = this.#byKey.get(name)
    if (same === undefined) this.#byKey.set(name, new Set([lease]))
    else same.add(lease)
    return lease
  }

  /** Notes that the lease was granted. */
  given(lease: HeldLease, entry: KvsEntry, until: number): void {
    lease.entry = entry
    lease.until = until
    if (lease.over) return
    this.#dropExpired()
    this.#given.add(lease)
  }

  /** Removes a lease whose end the broker knows, or need not know. */
  forget(lease: HeldLease): void {
    lease.over = true
    this.#given.delete(lease)
    if (!this.#all.delete(lease.id)) return
    const name = nameOf(lease.space, lease.key)
    const same = this.#byKey.get(name)
    if (same?.delete(lease) && same.size === 0) this.#byKey.delete(name)
  }

  /** Returns a lease that its holder no longer needs. */
  giveBack(lease: HeldLease): void {
    if (lease.valid) this.#giveBack(lease.id, false)
    this.forget(lease)
  }

  /**
   * Answers the broker's request for a lease, also long after its end: a writer waits for the
   * answer.
   */
  revoke(id: number): void {
    const lease = this.#all.get(id)
    if (lease !== undefined) this.forget(lease)
    this.#giveBack(id, true)
  }

  /**
   * Ends this client's own leases on a key, or on a whole namespace, that it is about to change, so
   * that they do not delay the change.
   */
  overwrite(space: string, key?: string): void {
    if (this.#all.size === 0) return
    const leases = key === undefined ? this.#all.values() : (this.#byKey.get(nameOf(space, key)) ?? [])
    for (const lease of [...leases]) if (lease.space === space) this.giveBack(lease)
  }

  /**
   * Ends granted leases after a lost link, since the broker may have forgotten them. Requests for
   * leases are sent again.
   */
  lost(): void {
    for (const lease of [...this.#given]) this.forget(lease)
  }

  /** Drops expired leases that no holder disposed of. */
  #dropExpired(): void {
    const now = performance.now()
    for (const lease of this.#given) {
      if (lease.until > now) return
      this.forget(lease)
    }
  }
}

function nameOf(space: string, key: string): string {
  return `${space}\n${key}`
}
