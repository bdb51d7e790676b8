import { randomBytes } from 'node:crypto'
import { DyadError, isNamespaceName } from '@dyad-ts/core'
import { checkKey, checkValue } from '../key-bounds.js'
import type { Committed, RecordStore, StoredNamespace } from '../records/contract.js'
import { MemoryRecordStore, MemoryRecords } from '../records/memory-records.js'
import { EPOCH_BYTES, pack } from '../records/packed.js'
import { Grace } from './grace.js'
import { Keyspace } from './keyspace.js'
import type { Awaited, Space } from './messages.js'
import { ReadLeases } from './read-leases.js'
import { RevisionClock } from './revision-clock.js'
import { Timeline } from './timeline.js'

/** Called once: with the revision of a put when it is committed and visible, or with its error. */
export type Told = (error: Error | undefined, revision: number) => void

interface Named {
  readonly row: StoredNamespace
  readonly keyspace: Keyspace
  readonly created: Promise<void>
}

/** The namespaces and the registry of one broker, over a record store. */
export class Store {
  readonly registry = new Keyspace(new MemoryRecords())
  readonly readLeases = new ReadLeases()
  readonly #records: RecordStore
  /** Names this start of the store. */
  readonly epoch: string = randomBytes(EPOCH_BYTES).toString('base64url')
  readonly #time: Timeline
  /** The registry is in memory, and empty after each start. */
  readonly #registryTime: Timeline
  readonly #namespaces = new Map<string, Named>()
  /** Removals under way, by the name of the namespace. */
  readonly #removing = new Map<string, Promise<void>>()
  readonly #grace: Grace

  constructor(records: RecordStore) {
    this.#records = records
    this.#time = new Timeline(this.epoch, new RevisionClock(records), records)
    const nothing = new MemoryRecordStore()
    this.#registryTime = new Timeline(this.epoch, new RevisionClock(nothing), nothing)
    records.begin(this.epoch)
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

  /** Returns the revisions of the registry, or of all namespaces. */
  timeline(space: Space): Timeline {
    return space === null ? this.#registryTime : this.#time
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
    if (!isNamespaceName(name)) throw new DyadError('ERR_DYAD_NAMESPACE_NAME', { namespace: name })
    const found = this.#namespaces.get(name)
    if (found !== undefined) {
      if (found.row.nonce === nonce) return found.created
      throw new DyadError('ERR_DYAD_NAMESPACE_EXISTS', { namespace: name })
    }
    // A put into the next namespace must not overtake clients that trust records of the former one.
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

  /**
   * Stores a copy of `value`. Throws ERR_DYAD_NAMESPACE_MISSING and ERR_DYAD_KEY. May call `told`
   * before it returns.
   */
  put(space: Space, key: string, value: Uint8Array, told: Told): void {
    const keyspace = this.keyspace(space)
    checkKey(key)
    checkValue(value)
    const time = this.timeline(space)
    const revision = time.next()
    const packed = pack(value, revision, this.epoch)
    let over = false
    keyspace.put(key, packed, (error) => {
      over = true
      time.over(revision, error === undefined)
      if (error === undefined) keyspace.stored(key, packed)
      told(error, revision)
    })
    if (!over) time.held(revision)
  }

  /** Throws as `put` does. May call `done` before it returns. */
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

  /** Returns the first keys of namespaces that are waited for, `most` of them at most. */
  awaited(most: number): Awaited[] {
    const found: Awaited[] = []
    for (const [name, { keyspace }] of this.#namespaces) {
      for (const [key, waiters] of keyspace.awaited()) {
        if (found.length === most) return found
        found.push([name, key, waiters])
      }
    }
    return found
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
  return new DyadError('ERR_DYAD_NAMESPACE_MISSING', { namespace: name })
}
