import { LEASE_MS, MAX_LEASES } from './frames.js'
import type { Keyspace, Lent } from './keyspace.js'

/** Who holds leases. */
export interface LeaseHolder {
  /** The lease is to be given back. */
  revoke(id: number): void
  /** The lease is over. */
  ended(id: number): void
}

/** A key that one session may trust. */
export class ReadLease implements Lent {
  /** Called when the lease is over; the holder has been asked for it if there are any. */
  readonly awaiting: (() => void)[] = []

  constructor(
    readonly holder: LeaseHolder,
    readonly id: number,
    readonly keyspace: Keyspace,
    readonly key: string,
    readonly until: number,
  ) {}

  /** Asks the holder to give it back; calls `over` when it has, or the lease has run out. */
  takeBack(over: () => void): void {
    if (this.awaiting.push(over) === 1) this.holder.revoke(this.id)
  }
}

/** The leases of all keyspaces, which run out in the order in which they were given. */
export class ReadLeases {
  readonly #all = new Set<ReadLease>()
  #timer: NodeJS.Timeout | undefined

  /**
   * A lease on what can be read under `key` now, or undefined if there are too many, or if it is
   * about to change.
   */
  grant(holder: LeaseHolder, id: number, keyspace: Keyspace, key: string): ReadLease | undefined {
    if (this.#all.size >= MAX_LEASES) return undefined
    const lease = new ReadLease(holder, id, keyspace, key, performance.now() + LEASE_MS)
    if (!keyspace.lend(lease)) return undefined
    this.#all.add(lease)
    this.#timer ??= this.#wait(LEASE_MS)
    return lease
  }

  /**
   * Ends a lease: it was given back, its holder is gone, or it has run out. Ending it twice is no
   * error.
   */
  end(lease: ReadLease): void {
    if (!this.#all.delete(lease)) return
    lease.keyspace.unlend(lease)
    lease.holder.ended(lease.id)
    for (const over of lease.awaiting) over()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), Math.max(1, ms)).unref()
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const lease of this.#all) {
      if (lease.until > now) {
        this.#timer = this.#wait(lease.until - now)
        return
      }
      this.end(lease)
    }
  }
}
