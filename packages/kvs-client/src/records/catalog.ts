import type { Operations } from './log-batch.js'
import { MemoryRecords } from './memory-records.js'
import { type Packed, revisionOf } from './packed.js'

/** Deleted keys remembered of one namespace. */
const MAX_DELETED = 65_536

/** A namespace by its number, and its records. */
export interface CatalogEntry {
  readonly id: number
  readonly name: string
  readonly nonce: string
  readonly memory: MemoryRecords
  /** Keys that were deleted last, as far as the log tells. */
  readonly deleted: Set<string>
}

/** What a log says, replayed. */
export class Catalog implements Operations {
  readonly entries = new Map<number, CatalogEntry>()
  nextId = 1
  /** No revision given so far is above it. */
  highest = 0

  put(id: number, key: string, packed: Packed): void {
    this.highest = Math.max(this.highest, revisionOf(packed))
    // What came after the removal of its namespace is void.
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
    // A rewritten log may say it twice.
    if (!this.entries.has(id)) this.entries.set(id, newEntry(id, name, nonce))
  }

  remove(id: number): void {
    this.entries.delete(id)
  }

  ceiling(ceiling: number): void {
    this.highest = Math.max(this.highest, ceiling)
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
