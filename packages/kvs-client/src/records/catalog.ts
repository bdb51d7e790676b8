import type { Operations } from './log-batch.js'
import { MemoryRecords } from './memory-records.js'
import { type Packed, revisionOf } from './packed.js'

/** Number of remembered starts of the store. */
const MAX_EPOCHS = 1_000
/** Number of remembered deleted keys of one namespace. */
const MAX_DELETED = 65_536

/** A namespace's number and its records. */
export interface CatalogEntry {
  readonly id: number
  readonly name: string
  readonly nonce: string
  readonly memory: MemoryRecords
  /** Recently deleted keys, as far as the log has them. */
  readonly deleted: Set<string>
}

/** The replayed state of a log. */
export class Catalog implements Operations {
  readonly entries = new Map<number, CatalogEntry>()
  nextId = 1
  /** No earlier revision is above it. */
  highest = 0
  /** The highest revision among all puts. */
  latest = 0
  /**
   * The epochs of the store's starts, oldest first, and the highest revision among the puts before
   * each.
   */
  readonly #epochs = new Map<string, number>()

  put(id: number, key: string, packed: Packed): void {
    this.committed(revisionOf(packed))
    // Later operations on a removed namespace are void.
    const entry = this.entries.get(id)
    entry?.memory.set(key, packed)
    if (entry !== undefined && entry.deleted.size > 0) entry.deleted.delete(key)
  }

  delete(id: number, key: string): void {
    const entry = this.entries.get(id)
    if (entry?.memory.drop(key) === undefined) return
    entry.deleted.add(key)
    if (entry.deleted.size <= MAX_DELETED) return
    for (const first of entry.deleted) {
      entry.deleted.delete(first)
      break
    }
  }

  create(id: number, name: string, nonce: string): void {
    this.nextId = Math.max(this.nextId, id + 1)
    // A rewritten log may repeat it.
    if (!this.entries.has(id)) this.entries.set(id, newEntry(id, name, nonce))
  }

  remove(id: number): void {
    this.entries.delete(id)
  }

  ceiling(ceiling: number): void {
    this.highest = Math.max(this.highest, ceiling)
  }

  /** The log has a put of this revision. */
  committed(revision: number): void {
    this.highest = Math.max(this.highest, revision)
    this.latest = Math.max(this.latest, revision)
  }

  epoch(epoch: string, latest: number): void {
    this.committed(latest)
    this.#epochs.delete(epoch)
    this.#epochs.set(epoch, latest)
    if (this.#epochs.size <= MAX_EPOCHS) return
    for (const first of this.#epochs.keys()) {
      this.#epochs.delete(first)
      break
    }
  }

  /** The epochs, in order, and the highest revision among the puts before each. */
  get epochs(): Iterable<[epoch: string, before: number]> {
    return this.#epochs
  }

  /** The highest revision among the puts up to the end of an epoch. */
  lastOf(epoch: string): number | undefined {
    let isFound = false
    for (const [each, before] of this.#epochs) {
      if (isFound) return before
      isFound = each === epoch
    }
    return isFound ? this.latest : undefined
  }

  count(): number {
    let count = 0
    for (const { memory } of this.entries.values()) count += memory.size
    return count
  }
}

/** An empty namespace. */
export function newEntry(id: number, name: string, nonce: string): CatalogEntry {
  return { id, name, nonce, memory: new MemoryRecords(), deleted: new Set() }
}
