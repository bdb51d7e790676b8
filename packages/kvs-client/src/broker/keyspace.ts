import type { Records, Stored } from '../records/contract.js'

/** Who waits for a key. */
export interface Waiter {
  readonly key: string
  woken(stored: Stored): void
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
  readonly #waiters = new Map<string, Set<Waiter>>()
  #waiting = 0

  constructor(records: Records) {
    this.records = records
  }

  /** Number of waiters. */
  get waiting(): number {
    return this.#waiting
  }

  wait(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.key)
    if (waiters === undefined) this.#waiters.set(waiter.key, new Set([waiter]))
    else waiters.add(waiter)
    this.#waiting++
  }

  /** Forgets a waiter that waits no more. */
  leave(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.key)
    if (!waiters?.delete(waiter)) return
    this.#waiting--
    if (waiters.size === 0) this.#waiters.delete(waiter.key)
  }

  /** Tells of a record that was stored. */
  stored(key: string, stored: Stored): void {
    const waiters = this.#waiters.get(key)
    if (waiters !== undefined) {
      this.#waiters.delete(key)
      this.#waiting -= waiters.size
      for (const waiter of waiters) waiter.woken(stored)
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
    for (const waiters of groups) for (const waiter of waiters) waiter.failed(error)
    for (const watcher of [...this.watchers]) watcher.failed(error)
    this.watchers.clear()
  }
}
