import type { Committed, Records, Scanned } from '../records/contract.js'
import { type Packed, revisionOf } from '../records/packed.js'
import type { Grace } from './grace.js'
import { Holds } from './holds.js'

/** A lease on what stands under a key. */
export interface Lent {
  readonly key: string
  /** Asks the holder to give it back; calls `over` when it has, or the lease has run out. */
  takeBack(over: () => void): void
}

/** Who waits for a key. */
export interface Waiter {
  readonly key: string
  woken(packed: Packed): void
  failed(error: Error): void
}

/** Who watches a prefix. */
export interface Watcher {
  changed(key: string): void
  removed(key: string): void
  failed(error: Error): void
}

/** The records of a namespace, or of the registry, and who waits for them. */
export class Keyspace {
  readonly #records: Records
  readonly #grace: Grace | undefined
  #removed = false
  readonly #holds = new Holds()
  /** By key. */
  readonly #leases = new Map<string, Set<Lent>>()
  readonly watchers = new Set<Watcher>()
  /** By key; most keys have one waiter, and a Set for each would be most of what a wait takes. */
  readonly #waiters = new Map<string, Waiter | Set<Waiter>>()
  #waiting = 0

  /** `grace` is that of the broker, if the records may be from before its start. */
  constructor(records: Records, grace?: Grace) {
    this.#records = records
    this.#grace = grace
  }

  /** What everybody may see under `key`. */
  get(key: string): Packed | undefined {
    const packed = this.#records.get(key)
    return this.#holds.size === 0 ? packed : this.#holds.seen(key, packed)
  }

  /**
   * What everybody may see under the keys that begin with `prefix`; what changes meanwhile may be
   * seen or not. Undefined stands for {@link PASSED_LOOKS} others.
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
   * Stores; calls `done` once it is committed and may be seen, upon which {@link stored} is to be
   * called.
   */
  put(key: string, packed: Packed, done: Committed): void {
    this.#records.put(key, packed, (error, before) => this.#settle(key, error, before, done))
  }

  /**
   * Removes; calls `done` once it is committed and may be seen, upon which {@link removed} is to be
   * called.
   */
  delete(key: string, done: Committed): void {
    this.#records.delete(key, (error, before) => this.#settle(key, error, before, done))
  }

  /** Gives a lease on what may be seen under its key; whether it may be given. */
  lend(lease: Lent): boolean {
    const { key } = lease
    if (this.#removed || this.#holds.has(key)) return false
    const leases = this.#leases.get(key)
    if (leases === undefined) this.#leases.set(key, new Set([lease]))
    else leases.add(lease)
    return true
  }

  /** Forgets a lease that is over. */
  unlend(lease: Lent): void {
    const leases = this.#leases.get(lease.key)
    if (leases?.delete(lease) && leases.size === 0) this.#leases.delete(lease.key)
  }

  /** Calls `over` when nobody holds a lease here any more; none is given from now on. */
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

  /** Whether a lease of an earlier broker may be left on what was under the key. */
  #isCovered(key: string, before: Packed | undefined): boolean {
    if (this.#grace === undefined) return false
    if (before === undefined) return this.#grace.covers(0) && this.#records.wasDeleted(key)
    return this.#grace.covers(revisionOf(before))
  }

  /** A change is committed: it may be seen when no lease on what was before is left. */
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

  wait(waiter: Waiter): void {
    const { key } = waiter
    const waiters = this.#waiters.get(key)
    if (waiters === undefined) this.#waiters.set(key, waiter)
    else if (waiters instanceof Set) waiters.add(waiter)
    else this.#waiters.set(key, new Set([waiters, waiter]))
    this.#waiting++
  }

  /** Forgets a waiter that waits no more. */
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

  /** Tells of a record that was stored. */
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

  /** Tells of a record that was removed. */
  removed(key: string): void {
    for (const watcher of this.watchers) watcher.removed(key)
  }

  /** Ends everybody's waiting. */
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
