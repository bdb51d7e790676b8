import type { RecordStore, Records, Stored, StoredNamespace } from './contract.js'

/** Records in a Map. */
export class MemoryRecords implements Records {
  readonly #records = new Map<string, Stored>()

  get size(): number {
    return this.#records.size
  }

  get(key: string): Stored | undefined {
    return this.#records.get(key)
  }

  put(key: string, stored: Stored): Promise<void> {
    this.#records.set(key, stored)
    return Promise.resolve()
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.#records.delete(key))
  }

  *scan(prefix: string): Generator<[string, Stored]> {
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

  create(name: string, nonce: string): { namespace: StoredNamespace; committed: Promise<void> } {
    const records = new MemoryRecords()
    this.#all.add(records)
    return { namespace: { name, nonce, records }, committed: Promise.resolve() }
  }

  remove(namespace: StoredNamespace): Promise<void> {
    this.#all.delete(namespace.records as MemoryRecords)
    return Promise.resolve()
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
