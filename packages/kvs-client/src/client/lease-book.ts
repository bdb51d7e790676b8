import type { KvsEntry } from '@dyad-ts/core'
import { HeldLease } from './held-lease.js'

/** Tells the broker that a lease is given back; what is in no hurry goes with what is sent next. */
export type GiveBack = (id: number, hurry: boolean) => void

/** The leases of one connection: those asked for and those given, until they are over. */
export class LeaseBook {
  readonly #giveBack: GiveBack
  /** By id. */
  readonly #all = new Map<number, HeldLease>()
  /** Those given, in the order in which they end, or nearly so. */
  readonly #given = new Set<HeldLease>()
  readonly #byKey = new Map<string, Set<HeldLease>>()
  /** All leases share one function. */
  readonly #disposed = (lease: HeldLease) => this.giveBack(lease)

  constructor(giveBack: GiveBack) {
    this.#giveBack = giveBack
  }

  /** A lease is asked for. */
  begin(id: number, space: string, key: string): HeldLease {
    const lease = new HeldLease(this.#disposed, id, space, key)
    this.#all.set(id, lease)
    const name = nameOf(space, key)
    const same = this.#byKey.get(name)
    if (same === undefined) this.#byKey.set(name, new Set([lease]))
    else same.add(lease)
    return lease
  }

  /** It was given. */
  given(lease: HeldLease, entry: KvsEntry, until: number): void {
    lease.entry = entry
    lease.until = until
    if (lease.over) return
    this.#dropExpired()
    this.#given.add(lease)
  }

  /** It is over, and the broker knows or need not know. */
  forget(lease: HeldLease): void {
    lease.over = true
    this.#given.delete(lease)
    if (!this.#all.delete(lease.id)) return
    const name = nameOf(lease.space, lease.key)
    const same = this.#byKey.get(name)
    if (same?.delete(lease) && same.size === 0) this.#byKey.delete(name)
  }

  /** Its holder does not need it any more. */
  giveBack(lease: HeldLease): void {
    if (lease.valid) this.#giveBack(lease.id, false)
    this.forget(lease)
  }

  /**
   * The broker wants it back. Answered even when it is long over, since somebody waits for the
   * answer.
   */
  revoke(id: number): void {
    const lease = this.#all.get(id)
    if (lease !== undefined) this.forget(lease)
    this.#giveBack(id, true)
  }

  /**
   * This client is about to change the key, or the whole namespace: its own leases must not hold
   * that up.
   */
  overwrite(space: string, key?: string): void {
    if (this.#all.size === 0) return
    const leases = key === undefined ? this.#all.values() : (this.#byKey.get(nameOf(space, key)) ?? [])
    for (const lease of [...leases]) if (lease.space === space) this.giveBack(lease)
  }

  /**
   * The link is lost: the broker may have forgotten them all. Those asked for are asked for again.
   */
  lost(): void {
    for (const lease of [...this.#given]) this.forget(lease)
  }

  /** Those that nobody disposes. */
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
