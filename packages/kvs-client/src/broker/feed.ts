import { PASSED_LOOKS, type Scanned } from '../records/contract.js'
import { bytesOf, epochOf, type Packed, pack, revisionOf, STAMP_BYTES } from '../records/packed.js'
import type { Keyspace, Watcher } from './keyspace.js'
import type { EntryTuple } from './messages.js'
import type { Store } from './store.js'
import type { Timeline } from './timeline.js'

/** Limits of a batch: entries and bytes. */
const BATCH_ENTRIES = 256
const BATCH_BYTES = 256 * 1024
/** Records looked at for one step, sent or not. */
const LOOKS = 4_096
/**
 * Keys remembered for all watches of one session whose peer is slow. Beyond that, the watch scans
 * the namespace again.
 */
const MAX_DIRTY = 131_072
const ENTRY_OVERHEAD = 24

/** The next output of a stream of entries. */
export interface Step {
  entries: EntryTuple[]
  /** The stream has sent every entry up to this revision; 0 if it is unknown. */
  upTo: number
  /** Records that the step looked at. */
  looks: number
  /** `idle`: nothing more until a change. `ended`: nothing more at all. */
  state: 'more' | 'idle' | 'ended'
}

/** Collects entries for one frame. */
class Batch {
  readonly entries: EntryTuple[] = []
  #bytes = 0

  /** Returns true if the entry fits. */
  add(key: string, packed: Packed): boolean {
    const bytes = key.length * 3 + packed.length - STAMP_BYTES + ENTRY_OVERHEAD
    const full = this.entries.length >= BATCH_ENTRIES || this.#bytes + bytes > BATCH_BYTES
    if (full && this.entries.length > 0) return false
    this.#bytes += bytes
    this.entries.push([key, bytesOf(packed), revisionOf(packed), epochOf(packed)])
    return true
  }
}

/** Walks through a scan, and counts the records that it looks at. */
class Cursor {
  looks = 0
  readonly #scan: Iterator<Scanned>
  #held: [string, Packed] | undefined

  constructor(scan: Iterator<Scanned>) {
    this.#scan = scan
  }

  /**
   * Returns the next entry, 'passed' if none of the records that it looked at is one, or 'end'
   * after the last.
   */
  next(): [string, Packed] | 'passed' | 'end' {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      return held
    }
    const { done, value } = this.#scan.next()
    if (done) return 'end'
    this.looks += value === undefined ? PASSED_LOOKS : 1
    return value ?? 'passed'
  }

  /** Takes an entry back, to return it again next. */
  putBack(entry: [string, Packed]): void {
    this.#held = entry
  }
}

/** Sends the entries of an iterator once. */
export class ListFeed {
  readonly #cursor: Cursor

  constructor(scan: Iterator<Scanned>) {
    this.#cursor = new Cursor(scan)
  }

  next(): Step {
    const batch = new Batch()
    const cursor = this.#cursor
    cursor.looks = 0
    const step = (state: 'more' | 'ended'): Step => ({ entries: batch.entries, upTo: 0, looks: cursor.looks, state })
    while (cursor.looks < LOOKS) {
      const entry = cursor.next()
      if (entry === 'end') return step('ended')
      if (entry !== 'passed' && !batch.add(...entry)) {
        cursor.putBack(entry)
        return step('more')
      }
    }
    return step('more')
  }
}

/** Room for the changed keys that the watches of one session remember. */
export class DirtyRoom {
  left = MAX_DIRTY
}

/** Remembers changed keys while there is room. */
class DirtyKeys {
  readonly #keys = new Set<string>()
  readonly #room: DirtyRoom

  constructor(room: DirtyRoom) {
    this.#room = room
  }

  /** Returns true if it remembers the key. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return true
    if (this.#room.left === 0) return false
    this.#room.left--
    this.#keys.add(key)
    return true
  }

  delete(key: string): void {
    if (this.#keys.delete(key)) this.#room.left++
  }

  clear(): void {
    this.#room.left += this.#keys.size
    this.#keys.clear()
  }

  [Symbol.iterator](): IterableIterator<string> {
    return this.#keys.values()
  }
}

/**
 * Sends the entries under a prefix, then their changes. A slow peer gets the newest entry of each
 * key.
 */
export class WatchFeed implements Watcher {
  readonly #time: Timeline
  readonly #keyspace: Keyspace
  readonly #prefix: string
  readonly #dirty: DirtyKeys
  readonly #ready: () => void
  readonly #fail: (error: Error) => void
  #scan: Cursor | undefined
  /**
   * The scan sends revisions above the first and up to the second. The third is the first of the
   * next scan.
   */
  #floor: number
  #top = 0
  #nextFloor = 0
  #overrun = false

  constructor(
    time: Timeline,
    keyspace: Keyspace,
    request: { prefix: string; after: number; epoch: string },
    owner: { ready(): void; failed(error: Error): void },
    room: DirtyRoom,
  ) {
    this.#dirty = new DirtyKeys(room)
    this.#time = time
    this.#keyspace = keyspace
    this.#prefix = request.prefix
    this.#floor = time.continues(request.epoch, request.after) ? request.after : 0
    this.#ready = () => owner.ready()
    this.#fail = (error) => owner.failed(error)
    this.#begin()
    keyspace.watchers.add(this)
  }

  changed(key: string): void {
    if (!key.startsWith(this.#prefix)) return
    if (!this.#overrun && !this.#dirty.add(key)) {
      this.#overrun = true
      this.#dirty.clear()
    }
    this.#ready()
  }

  removed(key: string): void {
    this.#dirty.delete(key)
  }

  failed(error: Error): void {
    this.#fail(error)
  }

  close(): void {
    this.#dirty.clear()
    this.#keyspace.watchers.delete(this)
  }

  next(): Step {
    const batch = new Batch()
    let looks = 0
    const more = (): Step => ({ entries: batch.entries, upTo: 0, looks, state: 'more' })
    while (this.#scan !== undefined) {
      const scan: Cursor = this.#scan
      scan.looks = 0
      const entry = scan.next()
      looks += scan.looks
      if (entry === 'end') {
        this.#scan = undefined
        this.#floor = this.#nextFloor
        if (!this.#overrun) break
        this.#overrun = false
        this.#begin()
      } else if (entry !== 'passed' && this.#isDue(entry[1]) && !batch.add(...entry)) {
        scan.putBack(entry)
        return more()
      }
      if (looks >= LOOKS) return more()
    }
    if (this.#overrun) {
      this.#overrun = false
      this.#begin()
      return more()
    }
    for (const key of this.#dirty) {
      if (looks++ >= LOOKS) return more()
      const packed = this.#keyspace.get(key)
      if (packed !== undefined && !batch.add(key, packed)) return more()
      this.#dirty.delete(key)
    }
    this.#floor = this.#time.visible
    return { entries: batch.entries, upTo: this.#floor, looks, state: 'idle' }
  }

  /** Returns false for later revisions, which are in the dirty set. */
  #isDue(packed: Packed): boolean {
    const revision = revisionOf(packed)
    return revision > this.#floor && revision <= this.#top
  }

  #begin(): void {
    this.#top = this.#time.latest
    this.#nextFloor = this.#time.visible
    this.#scan = new Cursor(this.#keyspace.scan(this.#prefix))
  }
}

const NOTHING = pack(new Uint8Array(0), 0)

/**
 * Lists namespaces as entries without a value. It asks for the names when the first entry is
 * wanted.
 */
export function* nameEntries(store: Store): Generator<[string, Packed]> {
  for (const name of store.names()) yield [name, NOTHING]
}
