import type { Operations } from './log-batch.js'
import { MemoryRecords } from './memory-records.js'
import { type Packed, revisionOf } from './packed.js'

/** A namespace by its number, and its records. */
export interface CatalogEntry {
  readonly id: number
  readonly name: string
  readonly nonce: string
  readonly memory: MemoryRecords
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
    this.entries.get(id)?.memory.set(key, packed)
  }

  delete(id: number, key: string): void {
    this.entries.get(id)?.memory.drop(key)
  }

  create(id: number, name: string, nonce: string): void {
    this.nextId = Math.max(this.nextId, id + 1)
    // A rewritten log may say it twice.
    if (!this.entries.has(id)) this.entries.set(id, { id, name, nonce, memory: new MemoryRecords() })
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
