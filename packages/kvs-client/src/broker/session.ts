import { DyadError, isDyadError } from '@dyad/core'
import { decode } from '@dyad/wire'
import { checkKey, checkPrefix } from '../key-bounds.js'
import type { Stored } from '../records/contract.js'
import { type Answering, Stream, Wait } from './exchanges.js'
import { ListFeed, nameEntries, type Step, WatchFeed } from './feed.js'
import {
  type BrokerStats,
  PROTOCOL_VERSION,
  type Reply,
  type Request,
  type StreamRequest,
  toRequest,
} from './frames.js'
import type { Holder, Leases } from './leases.js'
import type { Store } from './store.js'

/** Requests of one link that may be under way at once. */
const MAX_UNDER_WAY = 200_000
/** While this many bytes wait to be sent, no more waits are answered. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024

/** What a session needs of its link. */
export interface SessionLink {
  readonly unsentBytes: number
  send(frame: unknown): Promise<void>
}

/** What all sessions of a broker share. */
export interface Shared {
  readonly store: Store
  readonly leases: Leases
  stats(): BrokerStats
}

interface Woken {
  readonly id: number
  readonly stored: Stored
}

/** Serves one client. */
export class Session implements Holder, Answering {
  readonly #shared: Shared
  readonly #link: SessionLink
  readonly #open = new Map<number, Wait | Stream>()
  /** Waits whose answer has to wait until the peer has read others. */
  #woken: Woken[] = []
  #writing = 0
  #closed = false
  #sent: Promise<void> = Promise.resolve()

  constructor(shared: Shared, link: SessionLink) {
    this.#shared = shared
    this.#link = link
    queueMicrotask(() => this.#reply({ op: 'hello', version: PROTOCOL_VERSION, durable: shared.store.durable }))
  }

  /** Takes one frame; throws ERR_DYAD_PROTOCOL, upon which the link is to be closed. The link brings none while its peer does not read the answers. */
  message(bytes: Buffer): void {
    this.#handle(toRequest(decode(bytes)))
  }

  closed(): void {
    this.#closed = true
    this.#woken = []
    for (const open of this.#open.values()) open.close()
    this.#open.clear()
  }

  woken(id: number, stored: Stored): void {
    // One put may wake any number of waits, more than can be answered at once.
    if (this.#woken.length === 0 && this.#link.unsentBytes <= MAX_UNSENT_BYTES) this.#answerWait(id, stored)
    else if (this.#woken.push({ id, stored }) === 1) void this.#answerWoken()
  }

  failed(id: number, error: Error): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    open.close()
    this.#refuse(id, error)
  }

  taken(id: number, error: DyadError): void {
    this.#refuse(id, error)
  }

  /** Sends a stream's next batch if it was asked for and there is one. */
  feed(stream: Stream): void {
    if (!stream.asked || stream.feed === undefined) return
    let step: Step
    try {
      step = stream.feed.next()
    } catch (error) {
      this.failed(stream.id, error as Error)
      return
    }
    const { id } = stream
    if (step.state === 'ended') {
      this.#open.delete(id)
      this.#reply({ op: 'end', id, entries: step.entries })
    } else if (step.entries.length > 0) {
      stream.asked = false
      this.#reply({ op: 'batch', id, entries: step.entries, upTo: step.upTo })
    } else if (step.state === 'more') {
      stream.ready()
    }
  }

  async #answerWoken(): Promise<void> {
    for (let i = 0; i < this.#woken.length; i++) {
      while (this.#link.unsentBytes > MAX_UNSENT_BYTES && !this.#closed) await this.#sent
      if (this.#closed) return
      const { id, stored } = this.#woken[i] as Woken
      this.#answerWait(id, stored)
    }
    this.#woken = []
  }

  #answerWait(id: number, stored: Stored): void {
    if (this.#open.delete(id)) this.#reply({ op: 'entry', id, value: stored.value, revision: stored.revision })
  }

  #handle(request: Request): void {
    if (request.op === 'hello') return
    const { id } = request
    if (request.op === 'more') {
      const stream = this.#open.get(id)
      if (!(stream instanceof Stream)) return
      stream.asked = true
      this.feed(stream)
      return
    }
    if (request.op === 'cancel') {
      this.#open.get(id)?.close()
      this.#open.delete(id)
      return
    }
    try {
      if (this.#open.size + this.#writing >= MAX_UNDER_WAY) {
        throw new DyadError('ERR_DYAD_SYSTEM', { detail: `${MAX_UNDER_WAY} requests under way on one connection` })
      }
      this.#serve(request)
    } catch (error) {
      this.#refuse(id, error as Error)
    }
  }

  #serve(request: Exclude<Request, { op: 'hello' | 'more' | 'cancel' }>): void {
    const { store, leases } = this.#shared
    const { id } = request
    switch (request.op) {
      case 'get': {
        checkKey(request.key)
        const stored = store.keyspace(request.space).records.get(request.key)
        this.#reply(
          stored === undefined
            ? { op: 'none', id }
            : { op: 'entry', id, value: stored.value, revision: stored.revision },
        )
        return
      }
      case 'wait': {
        checkKey(request.key)
        const keyspace = store.keyspace(request.space)
        const stored = keyspace.records.get(request.key)
        if (stored !== undefined) {
          this.#reply({ op: 'entry', id, value: stored.value, revision: stored.revision })
          return
        }
        const wait = new Wait(this, id, keyspace, request.key)
        this.#add(id, wait)
        keyspace.wait(wait)
        return
      }
      case 'put':
        if (request.space === null)
          throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry is written by register' })
        this.#answer(id, store.put(request.space, request.key, request.value))
        return
      case 'delete':
        checkKey(request.key)
        if (request.space === null)
          throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry is written by register' })
        this.#answer(id, store.delete(request.space, request.key))
        return
      case 'list':
      case 'watch':
        this.#stream(request)
        return
      case 'namespaces': {
        const stream = new Stream(this, id)
        this.#add(id, stream)
        stream.feed = new ListFeed(nameEntries(store.names()))
        this.feed(stream)
        return
      }
      case 'create':
        this.#answer(
          id,
          store.create(request.name, request.nonce).then(() => true),
        )
        return
      case 'remove':
        this.#answer(
          id,
          store.remove(request.name).then(() => true),
        )
        return
      case 'register':
        this.#answer(id, leases.register(this, request))
        return
      case 'renew':
        this.#reply({ op: 'done', id, result: leases.renew(request.key, request.instance) })
        return
      case 'unregister':
        this.#answer(id, leases.unregister(request.key, request.instance))
        return
      case 'stats':
        this.#reply({ op: 'stats', id, stats: this.#shared.stats() })
    }
  }

  #stream(request: StreamRequest): void {
    const { store } = this.#shared
    const { id } = request
    checkPrefix(request.prefix)
    const keyspace = store.keyspace(request.space)
    const stream = new Stream(this, id)
    this.#add(id, stream)
    stream.feed =
      request.op === 'watch'
        ? new WatchFeed(store, keyspace, request, stream)
        : new ListFeed(keyspace.records.scan(request.prefix))
    this.feed(stream)
  }

  #add(id: number, open: Wait | Stream): void {
    if (this.#open.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `request ${id} is under way already` })
    this.#open.set(id, open)
  }

  #answer(id: number, result: Promise<number | boolean>): void {
    this.#writing++
    result.then(
      (value) => {
        this.#writing--
        this.#reply({ op: 'done', id, result: value })
      },
      (error) => {
        this.#writing--
        this.#refuse(id, error)
      },
    )
  }

  #refuse(id: number, error: Error): void {
    this.#reply(
      isDyadError(error)
        ? { op: 'error', id, code: error.code, detail: error.detail ?? '' }
        : { op: 'error', id, code: 'ERR_DYAD_SYSTEM', detail: error.message },
    )
  }

  #reply(reply: Reply): void {
    if (!this.#closed) this.#sent = this.#link.send(reply)
  }
}
