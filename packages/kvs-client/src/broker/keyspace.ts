import type { Records } from '../records/contract.js'
import type { Packed } from '../records/packed.js'

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
  readonly records: Records
  readonly watchers = new Set<Watcher>()
  /** By key; most keys have one waiter, and a Set for each would be most of what a wait takes. */
  readonly #waiters = new Map<string, Waiter | Set<Waiter>>()
  #waiting = 0

  constructor(records: Records) {
    this.records = records
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
