import type { Committed, Records, Scanned } from '../records/contract.js'
import { type Packed, revisionOf } from '../records/packed.js'
import type { Grace } from './grace.js'
import { Holds } from './holds.js'

/** A lease on the record of a key. */
export interface Lent {
  readonly key: string
  /** Asks the holder to return the lease. Calls `over` when it is returned or has run out. */
  takeBack(over: () => void): void
}

/** Waits for a key. */
export interface Waiter {
  readonly key: string
  woken(packed: Packed): void
  failed(error: Error): void
}

/** Watches a prefix. */
export interface Watcher {
  changed(key: string): void
  removed(key: string): void
  failed(error: Error): void
}

/** The records of a namespace or of the registry, with their waiters and watchers. */
export class Keyspace {
  readonly #records: Records
  readonly #grace: Grace | undefined
  #removed = false
  readonly #holds = new Holds()
  /** By key. */
  readonly #leases = new Map<string, Set<Lent>>()
  readonly watchers = new Set<Watcher>()
  /** By key. Most keys have one waiter; a Set for each would take most of a wait's memory. */
  readonly #waiters = new Map<string, Waiter | Set<Waiter>>()
  #waiting = 0

  /** @param grace that of the broker, if the records may be from before its start */
  constructor(records: Records, grace?: Grace) {
    this.#records = records
    this.#grace = grace
  }

  /** Returns the visible record of `key`. */
  get(key: string): Packed | undefined {
    const packed = this.#records.get(key)
    return this.#holds.size === 0 ? packed : this.#holds.seen(key, packed)
  }

  /**
   * Yields the visible records of the keys that begin with `prefix`, with or without changes
   * meanwhile. Undefined stands for {@link PASSED_LOOKS} other records.
   */
  *scan(prefix: string): Generator<Scanned> {
    for (const entry of this.#records.scan(prefix)) {
      if (entry === undefined) {
        yield undefined
        continue
      }
      const packed = this.#holds.size === 0 ? entry[1] : this.#holds.seen(entry[0], entry[1])
      if (packed !== undefined) yield [entry[0], packed]
    }
  }

  /**
   * Stores a record. Calls `done` once it is committed and may become visible; `done` then calls
   * {@link stored}.
   */
  put(key: string, packed: Packed, done: Committed): void {
    this.#records.put(key, packed, (error, before) => this.#settle(key, error, before, done))
  }

  /**
   * Removes a record. Calls `done` once that is committed and may become visible; `done` then calls
   * {@link removed}.
   */
  delete(key: string, done: Committed): void {
    this.#records.delete(key, (error, before) => this.#settle(key, error, before, done))
  }

  /** Grants a lease on the visible record of its key. Returns false if it cannot. */
  lend(lease: Lent): boolean {
    const { key } = lease
    if (this.#removed || this.#holds.has(key)) return false
    const leases = this.#leases.get(key)
    if (leases === undefined) this.#leases.set(key, new Set([lease]))
    else leases.add(lease)
    return true
  }

  /** Forgets a lease that has ended. */
  unlend(lease: Lent): void {
    const leases = this.#leases.get(lease.key)
    if (leases?.delete(lease) && leases.size === 0) this.#leases.delete(lease.key)
  }

  /** Calls `over` when no lease is left here. It grants none from now on. */
  takeAllBack(over: () => void): void {
    const leases = [...this.#leases.values()].flatMap((each) => [...each])
    this.#removed = true
    const covered = this.#grace?.covers(0) === true
    let pending = leases.length + (covered ? 1 : 0)
    if (pending === 0) {
      over()
      return
    }
    const one = () => {
      if (--pending === 0) over()
    }
    if (covered) this.#grace?.await(one)
    for (const lease of leases) lease.takeBack(one)
  }

  /** Returns true if a lease of an earlier broker on the former record may be left. */
  #isCovered(key: string, before: Packed | undefined): boolean {
    if (this.#grace === undefined) return false
    if (before === undefined) return this.#grace.covers(0) && this.#records.wasDeleted(key)
    return this.#grace.covers(revisionOf(before))
  }

  /** Makes a committed change visible once no lease on the former record is left. */
  #settle(key: string, error: Error | undefined, before: Packed | undefined, done: Committed): void {
    if (error !== undefined) {
      done(error, undefined)
      return
    }
    const tell = () => done(undefined, before)
    if (this.#holds.size > 0 && this.#holds.follow(key, tell)) return
    const leases = this.#leases.size > 0 ? this.#leases.get(key) : undefined
    const covered = this.#isCovered(key, before)
    if (leases === undefined && !covered) {
      tell()
      return
    }
    const taken = [...(leases ?? [])]
    const one = this.#holds.begin(key, before, taken.length + (covered ? 1 : 0), tell)
    if (covered) this.#grace?.await(one)
    for (const lease of taken) lease.takeBack(one)
  }

  /** Number of waiters. */
  get waiting(): number {
    return this.#waiting
  }

  /** The keys that are waited for, each with the number of its waiters. */
  *awaited(): Generator<[key: string, waiters: number]> {
    for (const [key, waiters] of this.#waiters) yield [key, waiters instanceof Set ? waiters.size : 1]
  }

  wait(waiter: Waiter): void {
    const { key } = waiter
    const waiters = this.#waiters.get(key)
    if (waiters === undefined) this.#waiters.set(key, waiter)
    else if (waiters instanceof Set) waiters.add(waiter)
    else this.#waiters.set(key, new Set([waiters, waiter]))
    this.#waiting++
  }

  /** Forgets a waiter that no longer waits. */
  leave(waiter: Waiter): void {
    const { key } = waiter
    const waiters = this.#waiters.get(key)
    if (waiters instanceof Set) {
      if (!waiters.delete(waiter)) return
      if (waiters.size === 0) this.#waiters.delete(key)
    } else {
      if (waiters !== waiter) return
      this.#waiters.delete(key)
    }
    this.#waiting--
  }

  /** Notifies waiters and watchers of a stored record. */
  stored(key: string, packed: Packed): void {
    if (this.#waiting > 0) {
      const waiters = this.#waiters.get(key)
      if (waiters !== undefined) {
        this.#waiters.delete(key)
        const group = membersOf(waiters)
        this.#waiting -= group.length
        for (const waiter of group) waiter.woken(packed)
      }
    }
    for (const watcher of this.watchers) watcher.changed(key)
  }

  /** Lets watchers forget a removed record. */
  removed(key: string): void {
    for (const watcher of this.watchers) watcher.removed(key)
  }

  /** Ends all waits. */
  fail(error: Error): void {
    const groups = [...this.#waiters.values()]
    this.#waiters.clear()
    this.#waiting = 0
    for (const waiters of groups) for (const waiter of membersOf(waiters)) waiter.failed(error)
    for (const watcher of [...this.watchers]) watcher.failed(error)
    this.watchers.clear()
  }
}

function membersOf(waiters: Waiter | Set<Waiter>): Waiter[] {
  return waiters instanceof Set ? [...waiters] : [waiters]
}
