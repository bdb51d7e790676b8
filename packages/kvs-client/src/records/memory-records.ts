import {
  type Committed,
  PASSED_LOOKS,
  type RecordStore,
  type Records,
  type Scanned,
  type StoredNamespace,
} from './contract.js'
import type { Packed } from './packed.js'

/** Records in a Map. */
export class MemoryRecords implements Records {
  readonly #records = new Map<string, Packed>()

  get size(): number {
    return this.#records.size
  }

  get(key: string): Packed | undefined {
    return this.#records.get(key)
  }

  put(key: string, packed: Packed, done: Committed): void {
    done(undefined, this.set(key, packed))
  }

  delete(key: string, done: Committed): void {
    done(undefined, this.drop(key))
  }

  /** Stores a record, and returns the former one. */
  set(key: string, packed: Packed): Packed | undefined {
    const before = this.#records.get(key)
    this.#records.set(key, packed)
    return before
  }

  /** Removes a record, and returns it. */
  drop(key: string): Packed | undefined {
    const before = this.#records.get(key)
    if (before !== undefined) this.#records.delete(key)
    return before
  }

  wasDeleted(): boolean {
    return false
  }

  entries(): IterableIterator<[string, Packed]> {
    return this.#records.entries()
  }

  *scan(prefix: string): Generator<Scanned> {
    let passed = 0
    for (const entry of this.#records) {
      if (entry[0].startsWith(prefix)) yield entry
      else if (++passed === PASSED_LOOKS) {
        passed = 0
        yield undefined
      }
    }
  }
}

/** Namespaces and records that end with the process. */
export class MemoryRecordStore implements RecordStore {
  readonly durable = false
  readonly ceiling = 0
  readonly latest = 0
  readonly notices: readonly string[] = []
  readonly #all = new Set<MemoryRecords>()

  raise(): void {}

  begin(): void {}

  lastOf(): undefined {
    return undefined
  }

  namespaces(): StoredNamespace[] {
    return []
  }

  create(name: string, nonce: string, done: Committed): StoredNamespace {
    const records = new MemoryRecords()
    this.#all.add(records)
    done(undefined, undefined)
    return { name, nonce, records }
  }

  remove(namespace: StoredNamespace, done: Committed): void {
    this.#all.delete(namespace.records as MemoryRecords)
    done(undefined, undefined)
  }

  count(): number {
    let count = 0
    for (const records of this.#all) count += records.size
    return count
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
