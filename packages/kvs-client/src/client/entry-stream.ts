import type { KvsEntry } from '@dyad-ts/core'
import type { EntryTuple, Reply, Request } from '../broker/messages.js'
import { type StreamQuery, toError } from './call.js'
import type { Connection } from './connection.js'
import type { Exchange } from './exchange.js'

interface Waiting {
  resolve(result: IteratorResult<KvsEntry, undefined>): void
  reject(error: unknown): void
}

/**
 * Entries as the broker sends them, in batches. Reading one batch asks for the next. After a lost
 * link, a watch continues behind the last revision up to which it is complete, if the broker knows
 * that revision. A list begins anew and leaves out the entries that it has given.
 */
export class EntryStream implements AsyncIterableIterator<KvsEntry>, Exchange {
  readonly #connection: Connection
  readonly #query: StreamQuery
  readonly #signal: AbortSignal | undefined
  readonly #refusal: Error | undefined
  due = Number.POSITIVE_INFINITY
  place = 0
  #id = 0
  #state: 'unused' | 'open' | 'ended' = 'unused'
  #entries: EntryTuple[] = []
  #at = 0
  #waiting: Waiting[] = []
  /** Whether the broker knows this stream on this link, and whether it owes a batch. */
  #known = false
  #asked = false
  #last = false
  /** The revision up to which the stream is complete, and its epoch. */
  #upTo = 0
  #epoch = ''
  #error: { error: unknown } | undefined
  readonly #given: Set<string> | undefined

  /** @param refusal if given, the first `next()` rejects with it */
  constructor(connection: Connection, query: StreamQuery, signal: AbortSignal | undefined, refusal?: Error) {
    this.#connection = connection
    this.#query = query
    this.#signal = signal
    this.#refusal = refusal
    this.#given = query.op === 'watch' ? undefined : new Set()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<KvsEntry, undefined>> {
    if (this.#state === 'unused') this.#begin()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#give()
    })
  }

  return(): Promise<IteratorResult<KvsEntry, undefined>> {
    this.#finish(true)
    this.#entries = []
    this.#error = undefined
    this.#give()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** The signal fired. */
  aborted(): void {
    this.#fail(this.#signal?.reason, true)
  }

  linked(): void {
    this.#known = false
    this.#asked = false
    this.#ask()
  }

  replied(reply: Reply): void {
    if (reply.op === 'error') {
      this.#fail(toError(reply, this.#connection, this.#query), false)
      return
    }
    if (reply.op !== 'batch' && reply.op !== 'end') return
    this.#connection.disarm(this)
    this.#asked = false
    this.#entries.push(...reply.entries.filter(([key]) => !this.#given?.has(key)))
    if (reply.op === 'end') {
      this.#last = true
      this.#finish(false)
    } else if (reply.upTo > 0) {
      this.#upTo = reply.upTo
      this.#epoch = this.#connection.epoch
    }
    this.#give()
  }

  failed(error: unknown): void {
    this.#fail(error, false)
  }

  #begin(): void {
    this.#state = 'open'
    try {
      if (this.#refusal !== undefined) throw this.#refusal
      this.#signal?.throwIfAborted()
      this.#id = this.#connection.begin(this)
      this.#connection.aborts.add(this.#signal, this)
    } catch (error) {
      this.#fail(error, false)
    }
  }

  /** Hands out available entries, and asks for more if a reader still waits. */
  #give(): void {
    while (this.#waiting.length > 0) {
      const entry = this.#entries[this.#at]
      if (entry !== undefined) {
        this.#at++
        const [key, value, revision, epoch] = entry
        this.#given?.add(key)
        this.#waiting.shift()?.resolve({ done: false, value: { key, value, revision, epoch } })
        continue
      }
      this.#entries = []
      this.#at = 0
      if (this.#state !== 'ended') {
        this.#ask()
        return
      }
      const failure = this.#error
      this.#error = undefined
      const waiting = this.#waiting.shift()
      if (failure === undefined) waiting?.resolve({ done: true, value: undefined })
      else waiting?.reject(failure.error)
    }
  }

  #ask(): void {
    if (this.#waiting.length === 0 || this.#asked || this.#state !== 'open' || this.#last) return
    // A list is answered at once, a watch at the next change.
    if (this.#query.op !== 'watch') this.#connection.arm(this)
    if (!this.#connection.linked) return
    this.#asked = true
    if (this.#known) this.#connection.send({ op: 'more', id: this.#id })
    else this.#connection.send({ ...this.#query, id: this.#id, after: this.#upTo, epoch: this.#epoch } as Request)
    this.#known = true
  }

  /** Reports an error to the reader at once, and drops the entries that it has not read. */
  #fail(error: unknown, tell: boolean): void {
    if (this.#state === 'ended') return
    this.#finish(tell)
    this.#entries = []
    this.#at = 0
    this.#error = { error }
    this.#give()
  }

  #finish(tell: boolean): void {
    const open = this.#state === 'open'
    this.#state = 'ended'
    this.#connection.aborts.remove(this.#signal, this)
    if (!open || this.#id === 0) return
    if (tell) this.#connection.cancel(this.#id)
    else this.#connection.end(this.#id)
  }
}
