import { DyadError, isDyadError } from '@dyad/core'
import { checkKey, checkPrefix } from '../key-bounds.js'
import type { Packed } from '../records/packed.js'
import { type Answering, LeaseWait, Stream, Wait } from './exchanges.js'
import { ListFeed, nameEntries, type Step, WatchFeed } from './feed.js'
import {
  type BrokerStats,
  type CompactReply,
  LEASE_MS,
  MAX_SESSION_LEASES,
  type MapReply,
  PROTOCOL_VERSION,
  type RegisterRequest,
  type Request,
  type Space,
  type StreamRequest,
  sendReply,
  toRequest,
} from './frames.js'
import type { Keyspace } from './keyspace.js'
import type { Holder, Leases, Newcomer } from './leases.js'
import type { LeaseHolder, ReadLease } from './read-leases.js'
import type { Store } from './store.js'

/** Requests of one link that may be under way at once. */
const MAX_UNDER_WAY = 200_000
/** While this many bytes wait to be sent, no more waits are answered. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024

/** What a session needs of its link. */
export interface SessionLink {
  readonly unsentBytes: number
  post(bytes: Uint8Array, length: number): void
  /** Resolves when everything posted has been taken, or the link is closed. */
  drained(): Promise<void>
}

/** What all sessions of a broker share. */
export interface Shared {
  readonly store: Store
  readonly leases: Leases
  stats(): BrokerStats
}

interface Woken {
  readonly id: number
  readonly packed: Packed
}

/** Serves one client. */
export class Session implements Holder, Answering, LeaseHolder {
  readonly #shared: Shared
  readonly #link: SessionLink
  readonly #open = new Map<number, Wait | Stream | Newcomer>()
  readonly #leases = new Map<number, ReadLease>()
  /** Waits whose answer has to wait until the peer has read others. */
  #woken: Woken[] = []
  #writing = 0
  #closed = false
  readonly #post: (bytes: Uint8Array, length: number) => void

  constructor(shared: Shared, link: SessionLink) {
    this.#shared = shared
    this.#link = link
    this.#post = (bytes, length) => link.post(bytes, length)
    queueMicrotask(() => this.#reply({ op: 'hello', version: PROTOCOL_VERSION, durable: shared.store.durable }))
  }

  /** Takes one frame; throws ERR_DYAD_PROTOCOL, upon which the link is to be closed. The link brings none while its peer does not read the answers. */
  message(bytes: Buffer): void {
    this.#handle(toRequest(bytes))
  }

  closed(): void {
    this.#closed = true
    this.#woken = []
    for (const open of this.#open.values()) open.close()
    this.#open.clear()
    for (const lease of [...this.#leases.values()]) this.#shared.store.readLeases.end(lease)
  }

  revoke(id: number): void {
    this.#reply({ op: 'revoke', id })
  }

  ended(id: number): void {
    this.#leases.delete(id)
  }

  woken(id: number, packed: Packed): void {
    // One put may wake any number of waits, more than can be answered at once.
    if (this.#woken.length === 0 && this.#link.unsentBytes <= MAX_UNSENT_BYTES) this.#answerWait(id, packed)
    else if (this.#woken.push({ id, packed }) === 1) void this.#answerWoken()
  }

  failed(id: number, error: Error): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    open.close()
    this.#refuse(id, error)
  }

  get linked(): boolean {
    return !this.#closed
  }

  held(id: number, since: number): void {
    this.#open.delete(id)
    this.#reply({ op: 'done', id, result: since })
  }

  taken(id: number, error: DyadError): void {
    this.#open.delete(id)
    this.#refuse(id, error)
  }

  probe(id: number): void {
    this.#reply({ op: 'probe', id })
  }

  waits(id: number, ms: number): void {
    this.#reply({ op: 'waits', id, ms })
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
      while (this.#link.unsentBytes > MAX_UNSENT_BYTES && !this.#closed) await this.#link.drained()
      if (this.#closed) return
      const { id, packed } = this.#woken[i] as Woken
      this.#answerWait(id, packed)
    }
    this.#woken = []
  }

  #answerWait(id: number, packed: Packed): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    if (open instanceof LeaseWait) this.#answerLeaseWait(open, packed)
    else this.#reply({ op: 'entry', id, packed })
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
      this.#cancel(id)
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
        const packed = store.keyspace(request.space).get(request.key)
        this.#reply(packed === undefined ? { op: 'none', id } : { op: 'entry', id, packed })
        return
      }
      case 'lease':
      case 'wait-lease':
        this.#leaseRequest(request.op === 'wait-lease', id, request.space, request.key)
        return
      case 'wait': {
        checkKey(request.key)
        const keyspace = store.keyspace(request.space)
        const packed = keyspace.get(request.key)
        if (packed !== undefined) {
          this.#reply({ op: 'entry', id, packed })
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
        this.#put(id, request.space, request.key, request.value)
        return
      case 'delete':
        if (request.space === null)
          throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry is written by register' })
        this.#delete(id, request.space, request.key)
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
        this.#answer(id, store.create(request.name, request.nonce))
        return
      case 'remove':
        this.#answer(id, store.remove(request.name))
        return
      case 'register':
        this.#register(request)
        return
      case 'renew':
        this.#reply({ op: 'done', id, result: leases.renew(request.key, request.instance) })
        return
      case 'unregister':
        this.#reply({ op: 'done', id, result: leases.unregister(request.key, request.instance) })
        return
      case 'stats':
        this.#reply({ op: 'stats', id, stats: this.#shared.stats() })
    }
  }

  #register(request: RegisterRequest): void {
    const { id } = request
    if (this.#open.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `request ${id} is under way already` })
    const newcomer = this.#shared.leases.register(this, request)
    if (newcomer !== undefined) this.#open.set(id, newcomer)
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
        : new ListFeed(keyspace.scan(request.prefix))
    this.feed(stream)
  }

  #leaseRequest(wait: boolean, id: number, space: Space, key: string): void {
    checkKey(key)
    if (space === null) throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry gives no leases' })
    const keyspace = this.#shared.store.keyspace(space)
    const packed = keyspace.get(key)
    if (packed !== undefined) {
      this.#lease(id, keyspace, key, packed)
    } else if (wait) {
      const open = new LeaseWait(this, id, keyspace, key)
      this.#add(id, open)
      keyspace.wait(open)
    } else {
      this.#reply({ op: 'none', id })
    }
  }

  /** The client counts from when it asked, so after a long wait a lease would be over as it comes. */
  #answerLeaseWait({ id, keyspace, key, since }: LeaseWait, packed: Packed): void {
    const current = performance.now() - since < LEASE_MS && keyspace.get(key) === packed
    if (current) this.#lease(id, keyspace, key, packed)
    else this.#reply({ op: 'entry', id, packed })
  }

  /** Answers with what can be seen now, and a lease on it if there may be one more. */
  #lease(id: number, keyspace: Keyspace, key: string, packed: Packed): void {
    if (this.#leases.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `lease ${id} is held already` })
    const room = this.#leases.size < MAX_SESSION_LEASES
    const lease = room ? this.#shared.store.readLeases.grant(this, id, keyspace, key) : undefined
    if (lease !== undefined) this.#leases.set(id, lease)
    this.#reply({ op: lease === undefined ? 'entry' : 'leased', id, packed })
  }

  #cancel(id: number): void {
    const open = this.#open.get(id)
    this.#open.delete(id)
    open?.close()
    const lease = this.#leases.get(id)
    if (lease !== undefined) this.#shared.store.readLeases.end(lease)
  }

  #add(id: number, open: Wait | Stream): void {
    if (this.#open.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `request ${id} is under way already` })
    this.#open.set(id, open)
  }

  #put(id: number, space: string, key: string, value: Uint8Array): void {
    this.#shared.store.put(space, key, value, (error, revision) => {
      this.#writing--
      if (error === undefined) this.#reply({ op: 'stored', id, revision })
      else this.#refuse(id, error)
    })
    // Counted once nothing can throw any more; what was told at once has been taken off already.
    this.#writing++
  }

  #delete(id: number, space: string, key: string): void {
    this.#shared.store.delete(space, key, (error, before) => {
      this.#writing--
      if (error === undefined) this.#reply({ op: 'done', id, result: before !== undefined })
      else this.#refuse(id, error)
    })
    this.#writing++
  }

  #answer(id: number, result: Promise<void>): void {
    this.#writing++
    result.then(
      () => {
        this.#writing--
        this.#reply({ op: 'done', id, result: true })
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

  #reply(reply: MapReply | CompactReply): void {
    if (!this.#closed) sendReply(reply, this.#post)
  }
}
