import { DyadError, isNamespaceName } from '@dyad/core'
import { checkKey, checkValue } from '../key-bounds.js'
import type { RecordStore, Stored, StoredNamespace } from '../records/contract.js'
import { MemoryRecords } from '../records/memory-records.js'
import type { Space } from './frames.js'
import { Keyspace } from './keyspace.js'
import { RevisionClock } from './revision-clock.js'

/** The namespaces and the registry of one broker, over a place to keep them in. */
export class Store {
  readonly registry = new Keyspace(new MemoryRecords())
  readonly #records: RecordStore
  readonly #clock: RevisionClock
  readonly #namespaces = new Map<string, { row: StoredNamespace; keyspace: Keyspace; created: Promise<void> }>()
  /** Settles when everything asked for so far has been committed and told. */
  #tail: Promise<unknown> = Promise.resolve()
  #visible = 0

  constructor(records: RecordStore) {
    this.#records = records
    this.#clock = new RevisionClock(records)
    this.#visible = records.ceiling
    for (const row of records.namespaces()) {
      this.#namespaces.set(row.name, { row, keyspace: new Keyspace(row.records), created: Promise.resolve() })
    }
  }

  get durable(): boolean {
    return this.#records.durable
  }

  /** Every put up to this revision has been told to waiters and watchers, and none above it. */
  get visible(): number {
    return this.#visible
  }

  /** A revision of its own, above every one given so far. */
  mark(): number {
    return this.#clock.next()
  }

  /** ERR_DYAD_NAMESPACE_MISSING. */
  keyspace(space: Space): Keyspace {
    if (space === null) return this.registry
    const found = this.#namespaces.get(space)
    if (found === undefined) throw missing(space)
    return found.keyspace
  }

  names(): string[] {
    return [...this.#namespaces.keys()].sort()
  }

  create(name: string, nonce: string): Promise<void> {
    if (!isNamespaceName(name)) throw new DyadError('ERR_DYAD_NAMESPACE_NAME', { detail: JSON.stringify(name) })
    const found = this.#namespaces.get(name)
    if (found !== undefined) {
      if (found.row.nonce === nonce) return found.created
      throw new DyadError('ERR_DYAD_NAMESPACE_EXISTS', { detail: `namespace '${name}'` })
    }
    const { namespace, committed } = this.#records.create(name, nonce)
    const created = this.#inOrder(committed, () => {})
    this.#namespaces.set(name, { row: namespace, keyspace: new Keyspace(namespace.records), created })
    return created
  }

  remove(name: string): Promise<void> {
    const found = this.#namespaces.get(name)
    if (found === undefined) throw missing(name)
    this.#namespaces.delete(name)
    return this.#inOrder(this.#records.remove(found.row), () => found.keyspace.fail(missing(name)))
  }

  /** Stores a copy of `value`; resolves with the revision once it is committed and told. */
  put(space: Space, key: string, value: Uint8Array): Promise<number> {
    const keyspace = this.keyspace(space)
    checkKey(key)
    checkValue(value)
    // A copy, since a frame that is kept would keep the whole block that it was read into.
    const stored: Stored = { value: Buffer.from(value), revision: this.#clock.next() }
    return this.#inOrder(keyspace.records.put(key, stored), () => {
      this.#visible = stored.revision
      keyspace.stored(key, stored)
      return stored.revision
    })
  }

  delete(space: Space, key: string): Promise<boolean> {
    const keyspace = this.keyspace(space)
    return this.#inOrder(keyspace.records.delete(key), (was) => {
      if (was) keyspace.removed(key)
      return was
    })
  }

  counts(): { namespaces: number; records: number; waiters: number; watches: number } {
    let { waiting: waiters } = this.registry
    let watches = this.registry.watchers.size
    for (const { keyspace } of this.#namespaces.values()) {
      waiters += keyspace.waiting
      watches += keyspace.watchers.size
    }
    return { namespaces: this.#namespaces.size, records: this.#records.count(), waiters, watches }
  }

  async close(): Promise<void> {
    await this.#tail
    await this.#records.close()
  }

  /** Tells of commits in the order they were asked for in, whatever order the store reports them in. */
  #inOrder<T, R>(committed: Promise<T>, told: (result: T) => R): Promise<R> {
    // Its failure is reported by `turn`, which may come to it later.
    committed.catch(() => {})
    const turn = this.#tail.then(() => committed).then(told)
    this.#tail = turn.catch(() => {})
    return turn
  }
}

function missing(name: string): DyadError {
  return new DyadError('ERR_DYAD_NAMESPACE_MISSING', { detail: `namespace '${name}'` })
}
