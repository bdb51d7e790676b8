import { giveBackController, takeController, untilTold } from '../deadline.js'
import { report } from '../diagnostics.js'
import type { KvsEntry, Lease } from '../kvs/contract.js'
import { decodeRecord, type FileRecord } from '../kvs/record.js'
import { abortable } from '../transfer/abortable.js'
import { type LookupContext, lookup } from './lookup.js'
import { type Expected, Sequence } from './sequence.js'

/**
 * Files that are fetched ahead at a time: one is on the wire while another is looked up and stored.
 */
const AT_A_TIME = 2
/** Files of a list that are looked up at a time. */
const LOOKED_UP_AT_A_TIME = 32

/**
 * The reason with which an expected file is given up. One object serves all, since nobody reads it.
 */
const LEFT = new Error('it is not expected any more')

/** How many files of a list are here now, were not published, and could not be brought here. */
export interface PrefetchResult {
  readonly present: number
  readonly unpublished: number
  readonly failed: number
}

/** The part of a session that reading ahead uses. */
export interface ReadAheadContext extends LookupContext {
  /** The most files, and bytes, that are kept ahead of their readers. */
  readonly files: number
  readonly bytes: number
  /** Brings a file here unless it is here. Files that callers ask for go first. */
  fetch(path: string, record: FileRecord, signal: AbortSignal): Promise<void>
}

/** Files that one walk leads to. */
interface Walk {
  readonly name: string
  readonly ahead: Set<Ahead>
  /** See {@link Expected}. */
  due: number
}

/** A file that a caller is expected to ask for. */
interface Ahead {
  readonly path: string
  readonly walk: Walk
  readonly abort: AbortController
  lease?: Lease
  record?: FileRecord
  /** Whether its bytes are on their way. */
  isFetching: boolean
  /** Whether it was given up. */
  isOver: boolean
}

/**
 * Brings files here before they are asked for: those that a reader's walk through a numbered
 * sequence leads to, as they are published, within a bound on files and bytes. Each record is held
 * under a lease of the store, where the store has leases: an open then asks no store, and still
 * never sees an old record.
 */
export class ReadAhead {
  readonly #context: ReadAheadContext
  readonly #sequence = new Sequence()
  /** By path. */
  readonly #ahead = new Map<string, Ahead>()
  /** The walks that share the places, by name. */
  readonly #walks = new Map<string, Walk>()
  readonly #underWay = new Set<Promise<void>>()
  #fetching = 0
  #bytes = 0
  #waiting: (() => void)[] = []
  #closed = false

  constructor(context: ReadAheadContext) {
    this.#context = context
  }

  /**
   * Returns the record of a path that is opened now, if the file was expected and the record is
   * still the newest. Frees its place for the next: see {@link ReadAhead.follow}.
   */
  take(path: string): FileRecord | undefined {
    const taken = this.#ahead.get(path)
    if (taken === undefined) return undefined
    const isNewest = taken.lease?.valid
    // A transfer that is under way goes on, and the open joins it, unless there is a newer record.
    this.#leave(taken, isNewest === false || !taken.isFetching)
    return isNewest ? taken.record : undefined
  }

  /**
   * Notes that a path was opened and its record found: fetches the files that come next, and gives
   * up expected files that did not come.
   */
  follow(path: string): void {
    if (this.#context.files === 0 || this.#closed) return
    const expected = this.#sequence.opened(path, this.#context.files)
    if (expected.paths.length > 0) this.#expect(expected)
  }

  /**
   * Brings the files of these paths here, as far as they are published, a few at a time; the paths
   * are asked for one by one, so there may be any number. Rejects with the signal's reason.
   */
  async fetchAll(paths: Iterable<string> | AsyncIterable<string>, signal: AbortSignal): Promise<PrefetchResult> {
    const result = { present: 0, unpublished: 0, failed: 0 }
    const queue = Symbol.asyncIterator in paths ? paths[Symbol.asyncIterator]() : paths[Symbol.iterator]()
    const worker = async () => {
      for (;;) {
        signal.throwIfAborted()
        const next = await abortable(Promise.resolve(queue.next()), signal)
        if (next.done) return
        result[await this.#fetchOne(next.value, signal)]++
      }
    }
    await Promise.all(Array.from({ length: LOOKED_UP_AT_A_TIME }, worker))
    return result
  }

  /** Ends everything that is fetched ahead, and resolves when it has ended. */
  async close(): Promise<void> {
    this.#closed = true
    for (const ahead of this.#ahead.values()) this.#leave(ahead, true)
    await Promise.all(this.#underWay)
  }

  async #fetchOne(path: string, signal: AbortSignal): Promise<keyof PrefetchResult> {
    try {
      const record = await lookup(path, this.#context, signal)
      if (record === undefined) return 'unpublished'
      await this.#context.fetch(path, record, signal)
      report('dyad.consumer.ahead', { record })
      return 'present'
    } catch (error) {
      signal.throwIfAborted()
      report('dyad.consumer.notAhead', { path, error: error as Error })
      return 'failed'
    }
  }

  /**
   * Walks side by side share the places. No walk takes another's place, since a file that is given
   * up before it is opened was looked up in vain. With more walks than places, some have none. A
   * walk that does not go on loses its places to those that do.
   */
  #expect({ walk: name, now, due, paths }: Expected): void {
    const { files } = this.#context
    const walk = this.#walks.get(name) ?? { name, ahead: new Set(), due }
    walk.due = due
    // More walks would not change the share of each.
    if (this.#walks.size < files) this.#walks.set(name, walk)
    const missing = paths.filter((path) => !this.#ahead.has(path))
    if (missing.length === 0) return
    if (this.#roomFor(walk) < missing.length) {
      const expected = new Set(paths)
      for (const ahead of walk.ahead) if (!expected.has(ahead.path)) this.#leave(ahead, true)
      for (const other of this.#walks.values()) if (other.due < now) this.#end(other)
    }
    for (const path of missing.slice(0, this.#roomFor(walk))) this.#begin(path, walk)
  }

  /** Returns how many more files a walk may expect. */
  #roomFor({ ahead }: Walk): number {
    const { files } = this.#context
    const share = Math.max(1, Math.floor(files / this.#walks.size))
    return Math.max(0, Math.min(share - ahead.size, files - this.#ahead.size))
  }

  #end(walk: Walk): void {
    for (const ahead of walk.ahead) this.#leave(ahead, true)
    this.#walks.delete(walk.name)
  }

  #begin(path: string, walk: Walk): void {
    const ahead: Ahead = { path, walk, abort: takeController(), isFetching: false, isOver: false }
    this.#ahead.set(path, ahead)
    walk.ahead.add(ahead)
    this.#walks.set(walk.name, walk)
    const bringing = this.#bring(ahead)
      .catch((error: Error) => {
        // An open of the file meets the error, if it lasts.
        if (!ahead.abort.signal.aborted) report('dyad.consumer.notAhead', { path, error })
      })
      .then(() => {
        ahead.isOver = true
        giveBackController(ahead.abort)
        this.#underWay.delete(bringing)
      })
    this.#underWay.add(bringing)
  }

  async #bring(ahead: Ahead): Promise<void> {
    const { path, abort } = ahead
    const { signal } = abort
    const record = decodeRecord(await this.#lookUp(ahead, signal), path)
    await this.#takeRoom(ahead, record, signal)
    try {
      await this.#context.fetch(path, record, signal)
    } finally {
      this.#fetching--
      this.#wake()
    }
    report('dyad.consumer.ahead', { record })
  }

  async #lookUp(ahead: Ahead, signal: AbortSignal): Promise<KvsEntry> {
    const namespace = this.#context.namespace()
    const key = this.#context.key(ahead.path)
    // A lease is short, and the wait for the file may have been longer.
    for (let lease: Lease | undefined, wait = true; ; wait = false) {
      lease = await namespace.lease?.(key, { wait, signal, background: true })
      if (signal.aborted) lease?.[Symbol.dispose]()
      signal.throwIfAborted()
      if (lease?.entry === undefined) return namespace.waitFor(key, { signal })
      if (!lease.valid && wait) continue
      ahead.lease = lease
      return lease.entry
    }
  }

  /**
   * Waits for its turn, and until the bytes ahead leave room for those of this file; then takes the
   * room. A single file may exceed the bound.
   */
  async #takeRoom(ahead: Ahead, record: FileRecord, signal: AbortSignal): Promise<void> {
    while (this.#fetching >= AT_A_TIME || (this.#bytes > 0 && this.#bytes + record.size > this.#context.bytes)) {
      await untilTold(signal, (told) => this.#waiting.push(told))
    }
    signal.throwIfAborted()
    // In the same turn as the check: others wait for the same room.
    ahead.record = record
    ahead.isFetching = true
    this.#bytes += record.size
    this.#fetching++
  }

  /** Gives up an expected file. */
  #leave(ahead: Ahead, ending: boolean): void {
    const { path, walk } = ahead
    if (this.#ahead.get(path) === ahead) this.#ahead.delete(path)
    walk.ahead.delete(ahead)
    ahead.lease?.[Symbol.dispose]()
    this.#bytes -= ahead.record?.size ?? 0
    if (ending && !ahead.isOver) ahead.abort.abort(LEFT)
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
