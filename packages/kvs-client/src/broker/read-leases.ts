import { LEASE_MS, MAX_LEASES } from './frames.js'
import type { Keyspace, Lent } from './keyspace.js'

/** Holds leases. */
export interface LeaseHolder {
  /** Asks the holder to return the lease. */
  revoke(id: number): void
  /** The lease has ended. */
  ended(id: number): void
}

/** A session's lease on a key. */
export class ReadLease implements Lent {
  /** Called when the lease ends. If there are any, the holder has been asked to return it. */
  readonly awaiting: (() => void)[] = []

  constructor(
    readonly holder: LeaseHolder,
    readonly id: number,
    readonly keyspace: Keyspace,
    readonly key: string,
    readonly until: number,
  ) {}

  /** Asks the holder to return the lease. Calls `over` when it is returned or has run out. */
  takeBack(over: () => void): void {
    if (this.awaiting.push(over) === 1) this.holder.revoke(this.id)
  }
}

/** The leases of all keyspaces, in the order in which they run out. */
export class ReadLeases {
  readonly #all = new Set<ReadLease>()
  #timer: NodeJS.Timeout | undefined

  /**
   * Grants a lease on the visible record of `key`. Returns undefined if there are too many, or if
   * the record is about to change.
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
   * Ends a lease that was returned, has run out, or whose holder has gone. Ending it twice is no
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
