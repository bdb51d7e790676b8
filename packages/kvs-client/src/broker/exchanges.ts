import type { Packed } from '../records/packed.js'
import { type ListFeed, WatchFeed } from './feed.js'
import type { Keyspace, Waiter } from './keyspace.js'
import type { Scan } from './scan-turns.js'

/** Answers the exchanges of a session. */
export interface Answering {
  woken(id: number, packed: Packed): void
  failed(id: number, error: Error): void
  /** Called when the stream may have entries to send. */
  feed(stream: Stream): void
  /** Lets the stream do its next slice. */
  advance(stream: Stream): ReturnType<Scan['step']>
}

/** One wait. It is plain data, since there may be very many. */
export class Wait implements Waiter {
  constructor(
    readonly session: Answering,
    readonly id: number,
    readonly keyspace: Keyspace,
    readonly key: string,
  ) {}

  woken(packed: Packed): void {
    this.session.woken(this.id, packed)
  }

  failed(error: Error): void {
    this.session.failed(this.id, error)
  }

  close(): void {
    this.keyspace.leave(this)
  }
}

/** A wait whose answer may be a lease. */
export class LeaseWait extends Wait {
  /** On the monotonic clock, in ms. */
  readonly since = performance.now()
}

/** A stream of entries. It sends a batch each time that its peer asks for more. */
export class Stream implements Scan {
  readonly session: Answering
  readonly id: number
  readonly prefix: string
  feed: ListFeed | WatchFeed | undefined
  asked = true
  #scheduled = false

  constructor(session: Answering, id: number, prefix: string) {
    this.session = session
    this.id = id
    this.prefix = prefix
  }

  step(): ReturnType<Scan['step']> {
    return this.session.advance(this)
  }

  ready(): void {
    if (this.#scheduled || !this.asked) return
    this.#scheduled = true
    // Waits for the rest of this turn, so that one batch carries all of its changes.
    setImmediate(() => {
      this.#scheduled = false
      this.session.feed(this)
    })
  }

  failed(error: Error): void {
    this.session.failed(this.id, error)
  }

  close(): void {
    this.asked = false
    if (this.feed instanceof WatchFeed) this.feed.close()
  }
}
