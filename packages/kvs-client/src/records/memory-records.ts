import type { Committed, RecordStore, Records, StoredNamespace } from './contract.js'
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
    this.#records.set(key, packed)
    done(undefined, true)
  }

  delete(key: string, done: Committed): void {
    done(undefined, this.#records.delete(key))
  }

  /** Stores without telling anybody. */
  set(key: string, packed: Packed): void {
    this.#records.set(key, packed)
  }

  /** Removes without telling anybody; whether there was such a key. */
  drop(key: string): boolean {
    return this.#records.delete(key)
  }

  *scan(prefix: string): Generator<[string, Packed]> {
    for (const entry of this.#records) if (entry[0].startsWith(prefix)) yield entry
  }
}

/** Namespaces and records that last as long as the process. */
export class MemoryRecordStore implements RecordStore {
  readonly durable = false
  readonly ceiling = 0
  readonly #all = new Set<MemoryRecords>()

  raise(): void {}

  namespaces(): StoredNamespace[] {
    return []
  }

  create(name: string, nonce: string, done: Committed): StoredNamespace {
    const records = new MemoryRecords()
    this.#all.add(records)
    done(undefined, false)
    return { name, nonce, records }
  }

  remove(namespace: StoredNamespace, done: Committed): void {
    this.#all.delete(namespace.records as MemoryRecords)
    done(undefined, true)
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
