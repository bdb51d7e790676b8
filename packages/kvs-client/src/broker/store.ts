import { DyadError, isNamespaceName } from '@dyad/core'
import { checkKey, checkValue } from '../key-bounds.js'
import type { Committed, RecordStore, StoredNamespace } from '../records/contract.js'
import { MemoryRecords } from '../records/memory-records.js'
import { pack } from '../records/packed.js'
import type { Space } from './frames.js'
import { Grace } from './grace.js'
import { Keyspace } from './keyspace.js'
import { ReadLeases } from './read-leases.js'
import { RevisionClock } from './revision-clock.js'

/** Called once: with the revision of a put when it is committed and everybody has been told, or with why it failed. */
export type Told = (error: Error | undefined, revision: number) => void

interface Named {
  readonly row: StoredNamespace
  readonly keyspace: Keyspace
  readonly created: Promise<void>
}

/** The namespaces and the registry of one broker, over a place to keep them in. */
export class Store {
  readonly registry = new Keyspace(new MemoryRecords())
  readonly readLeases = new ReadLeases()
  readonly #records: RecordStore
  readonly #clock: RevisionClock
  readonly #namespaces = new Map<string, Named>()
  /** Revisions that were given and have not been told; the least is the first. */
  readonly #untold = new Set<number>()
  /** Names whose namespace is being removed. */
  readonly #removing = new Map<string, Promise<void>>()
  readonly #grace: Grace
  #latest: number

  constructor(records: RecordStore) {
    this.#records = records
    this.#clock = new RevisionClock(records)
    this.#latest = records.ceiling
    this.#grace = new Grace(records.ceiling)
    for (const row of records.namespaces()) {
      this.#namespaces.set(row.name, {
        row,
        keyspace: new Keyspace(row.records, this.#grace),
        created: Promise.resolve(),
      })
    }
  }

  get durable(): boolean {
    return this.#records.durable
  }

  /** The highest revision that waiters and watchers have been told of. */
  get latest(): number {
    return this.#latest
  }

  /** Every put up to this revision has been told to waiters and watchers. */
  get visible(): number {
    for (const first of this.#untold) return first - 1
    return this.#latest
  }

  /** No revision that an earlier start of this store gave is above it, and none that this one gives is below. */
  get born(): number {
    return this.#clock.first
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
    // Who trusts what the former namespace held must not be passed by what is put into the next.
    const removing = this.#removing.get(name)
    if (removing !== undefined) return removing.then(() => this.create(name, nonce))
    const { promise: created, done } = commitment()
    const row = this.#records.create(name, nonce, done)
    this.#namespaces.set(name, { row, keyspace: new Keyspace(row.records), created })
    created.catch(() => {
      if (this.#namespaces.get(name)?.row === row) this.#namespaces.delete(name)
    })
    return created
  }

  remove(name: string): Promise<void> {
    const found = this.#namespaces.get(name)
    if (found === undefined) throw missing(name)
    this.#namespaces.delete(name)
    const { promise: removed, done } = commitment()
    const { keyspace } = found
    let over = false
    this.#records.remove(found.row, (error) => {
      keyspace.takeAllBack(() => {
        over = true
        this.#removing.delete(name)
        if (error === undefined) keyspace.fail(missing(name))
        done(error, undefined)
      })
    })
    if (!over) {
      this.#removing.set(
        name,
        removed.catch(() => {}),
      )
    }
    return removed
  }

  /** Stores a copy of `value`. Throws ERR_DYAD_NAMESPACE_MISSING and ERR_DYAD_KEY; `told` may be called before this returns. */
  put(space: Space, key: string, value: Uint8Array, told: Told): void {
    const keyspace = this.keyspace(space)
    checkKey(key)
    checkValue(value)
    const revision = this.#clock.next()
    const packed = pack(value, revision)
    let over = false
    keyspace.put(key, packed, (error) => {
      over = true
      this.#untold.delete(revision)
      if (error === undefined) {
        if (revision > this.#latest) this.#latest = revision
        keyspace.stored(key, packed)
      }
      told(error, revision)
    })
    if (!over) this.#untold.add(revision)
  }

  /** Throws as `put` does; `done` may be called before this returns. */
  delete(space: Space, key: string, done: Committed): void {
    const keyspace = this.keyspace(space)
    checkKey(key)
    keyspace.delete(key, (error, before) => {
      if (before !== undefined) keyspace.removed(key)
      done(error, before)
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

  close(): Promise<void> {
    this.#grace.close()
    this.readLeases.close()
    return this.#records.close()
  }
}

function commitment(): { promise: Promise<void>; done: Committed } {
  let done: Committed = () => {}
  const promise = new Promise<void>((resolve, reject) => {
    done = (error) => (error === undefined ? resolve() : reject(error))
  })
  return { promise, done }
}

function missing(name: string): DyadError {
  return new DyadError('ERR_DYAD_NAMESPACE_MISSING', { detail: `namespace '${name}'` })
}
