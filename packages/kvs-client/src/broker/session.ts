import type { DyadError } from '@dyad-ts/core'
import { checkKey, checkPrefix } from '../key-bounds.js'
import type { Packed } from '../records/packed.js'
import { Answers, type SessionLink } from './answers.js'
import { type Answering, LeaseWait, Stream, Wait } from './exchanges.js'
import { DirtyRoom, ListFeed, nameEntries, type Step, WatchFeed } from './feed.js'
import { PROTOCOL_VERSION, toRequest } from './frames.js'
import type { Holder, Leases } from './leases.js'
import type { BrokerStats, RegisterRequest, Request, StreamRequest } from './messages.js'
import { OpenRequests } from './open-requests.js'
import { PacedAnswers } from './paced-answers.js'
import type { Scan, ScanTurns } from './scan-turns.js'
import { SessionLeases } from './session-leases.js'
import { SessionWrites } from './session-writes.js'
import type { Store } from './store.js'

/** Cost of sending a record, in addition to looking at it, which costs one. */
const SENDING_COST = 8

/** How many of the keys that are waited for an answer names at most. */
const MOST_AWAITED = 100

/** Shared by all sessions of a broker. */
export interface Shared {
  readonly store: Store
  readonly leases: Leases
  readonly scans: ScanTurns
  stats(): BrokerStats
}

/** Serves one client. */
export class Session implements Holder, Answering {
  readonly #shared: Shared
  readonly #answers: Answers
  readonly #open = new OpenRequests()
  readonly #leases: SessionLeases
  readonly #writes: SessionWrites
  readonly #paced: PacedAnswers
  readonly #dirtyRoom = new DirtyRoom()

  constructor(shared: Shared, link: SessionLink) {
    const { store } = shared
    this.#shared = shared
    this.#answers = new Answers(link)
    this.#leases = new SessionLeases(store, this.#answers, this.#open)
    this.#writes = new SessionWrites(store, this.#answers)
    this.#paced = new PacedAnswers(link, (id, packed) => this.#answerWait(id, packed))
    // At once: this very turn handles the frames that the client has sent with its proof.
    const { durable, epoch } = store
    this.#answers.send({ op: 'hello', version: PROTOCOL_VERSION, durable, epoch })
  }

  /**
   * Handles one frame. Throws ERR_DYAD_PROTOCOL, and the caller then closes the link. The link
   * delivers no frames while its peer does not read the answers.
   */
  message(bytes: Buffer): void {
    this.#handle(toRequest(bytes))
  }

  closed(): void {
    this.#answers.close()
    this.#paced.close()
    this.#open.close()
    this.#leases.close()
  }

  woken(id: number, packed: Packed): void {
    this.#paced.give(id, packed)
  }

  failed(id: number, error: Error): void {
    const open = this.#open.take(id)
    if (open === undefined) return
    open.close()
    this.#answers.refuse(id, error)
  }

  get linked(): boolean {
    return !this.#answers.isClosed
  }

  held(id: number, since: number): void {
    this.#open.take(id)
    this.#answers.send({ op: 'done', id, result: since })
  }

  taken(id: number, error: DyadError): void {
    this.#open.take(id)
    this.#answers.refuse(id, error)
  }

  probe(id: number): void {
    this.#answers.send({ op: 'probe', id })
  }

  waits(id: number, ms: number): void {
    this.#answers.send({ op: 'waits', id, ms })
  }

  /**
   * Sends a stream's next batch in this session's turn, if the client asked for one and there is
   * one.
   */
  feed(stream: Stream): void {
    if (stream.asked) this.#shared.scans.run(this, stream)
  }

  advance(stream: Stream): ReturnType<Scan['step']> {
    if (!stream.asked || stream.feed === undefined) return { cost: 0, again: false }
    let step: Step
    try {
      step = stream.feed.next()
    } catch (error) {
      this.failed(stream.id, error as Error)
      return { cost: 0, again: false }
    }
    const { id } = stream
    const { state, entries, upTo } = step
    if (state === 'ended') {
      this.#open.take(id)
      this.#answers.send({ op: 'end', id, entries })
    } else if (entries.length > 0) {
      stream.asked = false
      this.#answers.send({ op: 'batch', id, entries, upTo })
    }
    return { cost: step.looks + SENDING_COST * entries.length, again: state === 'more' && stream.asked }
  }

  #answerWait(id: number, packed: Packed): void {
    const open = this.#open.take(id)
    if (open === undefined) return
    if (open instanceof LeaseWait) this.#leases.answer(open, packed)
    else this.#answers.send({ op: 'entry', id, packed })
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
      this.#open.take(id)?.close()
      this.#leases.cancel(id)
      return
    }
    try {
      this.#serve(request)
    } catch (error) {
      this.#answers.refuse(id, error as Error)
    }
  }

  #serve(request: Exclude<Request, { op: 'hello' | 'more' | 'cancel' }>): void {
    const { store, leases } = this.#shared
    const { id } = request
    switch (request.op) {
      case 'get': {
        checkKey(request.key)
        const packed = store.keyspace(request.space).get(request.key)
        this.#answers.send(packed === undefined ? { op: 'none', id } : { op: 'entry', id, packed })
        return
      }
      case 'lease':
      case 'wait-lease':
        this.#leases.request(this, request.op === 'wait-lease', id, request.space, request.key)
        return
      case 'wait': {
        checkKey(request.key)
        const keyspace = store.keyspace(request.space)
        const packed = keyspace.get(request.key)
        if (packed !== undefined) {
          this.#answers.send({ op: 'entry', id, packed })
          return
        }
        const wait = new Wait(this, id, keyspace, request.key)
        this.#open.add(id, wait)
        keyspace.wait(wait)
        return
      }
      case 'put':
        this.#writes.put(id, request.space, request.key, request.value)
        return
      case 'delete':
        this.#writes.delete(id, request.space, request.key)
        return
      case 'list':
      case 'watch':
        this.#stream(request)
        return
      case 'namespaces': {
        const stream = new Stream(this, id, '')
        this.#open.add(id, stream)
        stream.feed = new ListFeed(nameEntries(store))
        this.feed(stream)
        return
      }
      case 'create':
        this.#writes.change(id, () => store.create(request.name, request.nonce))
        return
      case 'remove':
        this.#writes.change(id, () => store.remove(request.name))
        return
      case 'register':
        this.#register(request)
        return
      case 'renew':
        this.#answers.send({ op: 'done', id, result: leases.renew(request.key, request.instance) })
        return
      case 'unregister':
        this.#answers.send({ op: 'done', id, result: leases.unregister(request.key, request.instance) })
        return
      case 'stats':
        this.#answers.send({ op: 'stats', id, stats: this.#shared.stats(), awaited: store.awaited(MOST_AWAITED) })
    }
  }

  #register(request: RegisterRequest): void {
    const { id } = request
    this.#open.checkFree(id)
    const newcomer = this.#shared.leases.register(this, request)
    if (newcomer === undefined) return
    try {
      this.#open.add(id, newcomer)
    } catch (error) {
      newcomer.close()
      throw error
    }
  }

  #stream(request: StreamRequest): void {
    const { store } = this.#shared
    const { id } = request
    checkPrefix(request.prefix)
    const keyspace = store.keyspace(request.space)
    const stream = new Stream(this, id, request.prefix)
    this.#open.add(id, stream)
    stream.feed =
      request.op === 'watch'
        ? new WatchFeed(store.timeline(request.space), keyspace, request, stream, this.#dirtyRoom)
        : new ListFeed(keyspace.scan(request.prefix))
    this.feed(stream)
  }
}
