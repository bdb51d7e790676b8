import { DyadError, isDyadError } from '@dyad/core'
import { checkKey, checkPrefix } from '../key-bounds.js'
import type { Packed } from '../records/packed.js'
import { type Answering, LeaseWait, Stream, Wait } from './exchanges.js'
import { DirtyRoom, ListFeed, nameEntries, type Step, WatchFeed } from './feed.js'
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
import type { Holder, Leases } from './leases.js'
import { busy, OpenRequests } from './open-requests.js'
import type { LeaseHolder, ReadLease } from './read-leases.js'
import type { Scan, ScanTurns } from './scan-turns.js'
import type { Store } from './store.js'

/** Writes of one link that may be under way at once, and the bytes of their values. */
const MAX_WRITES = 131_072
const MAX_WRITE_BYTES = 64 * 1024 * 1024
/** What sending a record costs, beside having looked at it, where looking costs one. */
const SENDING_COST = 8
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
  readonly scans: ScanTurns
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
  readonly #open = new OpenRequests()
  readonly #leases = new Map<number, ReadLease>()
  readonly #dirtyRoom = new DirtyRoom()
  /** Waits whose answer has to wait until the peer has read others. */
  #woken: Woken[] = []
  #writes = 0
  #writeBytes = 0
  #closed = false
  readonly #post: (bytes: Uint8Array, length: number) => void

  constructor(shared: Shared, link: SessionLink) {
    this.#shared = shared
    this.#link = link
    this.#post = (bytes, length) => link.post(bytes, length)
    // At once: what the client has sent with its proof is handled in this very turn.
    const { durable, epoch } = shared.store
    this.#reply({ op: 'hello', version: PROTOCOL_VERSION, durable, epoch })
  }

  /** Takes one frame; throws ERR_DYAD_PROTOCOL, upon which the link is to be closed. The link brings none while its peer does not read the answers. */
  message(bytes: Buffer): void {
    this.#handle(toRequest(bytes))
  }

  closed(): void {
    this.#closed = true
    this.#woken = []
    this.#open.close()
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
    const open = this.#open.take(id)
    if (open === undefined) return
    open.close()
    this.#refuse(id, error)
  }

  get linked(): boolean {
    return !this.#closed
  }

  held(id: number, since: number): void {
    this.#open.take(id)
    this.#reply({ op: 'done', id, result: since })
  }

  taken(id: number, error: DyadError): void {
    this.#open.take(id)
    this.#refuse(id, error)
  }

  probe(id: number): void {
    this.#reply({ op: 'probe', id })
  }

  waits(id: number, ms: number): void {
    this.#reply({ op: 'waits', id, ms })
  }

  /**
   * Sends a stream's next batch if it was asked for and there is one, when it is this session's
   * turn.
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
      this.#reply({ op: 'end', id, entries })
    } else if (entries.length > 0) {
      stream.asked = false
      this.#reply({ op: 'batch', id, entries, upTo })
    }
    return { cost: step.looks + SENDING_COST * entries.length, again: state === 'more' && stream.asked }
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
    const open = this.#open.take(id)
    if (open === undefined) return
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
        this.#open.add(id, wait)
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
        const stream = new Stream(this, id, '')
        this.#open.add(id, stream)
        stream.feed = new ListFeed(nameEntries(store))
        this.feed(stream)
        return
      }
      case 'create':
        this.#checkWrite(0)
        this.#answer(id, store.create(request.name, request.nonce))
        return
      case 'remove':
        this.#checkWrite(0)
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

  #leaseRequest(wait: boolean, id: number, space: Space, key: string): void {
    checkKey(key)
    if (space === null) throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry gives no leases' })
    // Checked here: when a wait is answered, an error would be that of the put that answers it.
    this.#open.checkFree(id)
    if (this.#leases.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `lease ${id} is held already` })
    const keyspace = this.#shared.store.keyspace(space)
    const packed = keyspace.get(key)
    if (packed !== undefined) {
      this.#lease(id, keyspace, key, packed)
    } else if (wait) {
      const open = new LeaseWait(this, id, keyspace, key)
      this.#open.add(id, open)
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
    const room = this.#leases.size < MAX_SESSION_LEASES
    const lease = room ? this.#shared.store.readLeases.grant(this, id, keyspace, key) : undefined
    if (lease !== undefined) this.#leases.set(id, lease)
    this.#reply({ op: lease === undefined ? 'entry' : 'leased', id, packed })
  }

  #cancel(id: number): void {
    this.#open.take(id)?.close()
    const lease = this.#leases.get(id)
    if (lease !== undefined) this.#shared.store.readLeases.end(lease)
  }

  #put(id: number, space: string, key: string, value: Uint8Array): void {
    const bytes = this.#checkWrite(value.length)
    this.#shared.store.put(space, key, value, (error, revision) => {
      this.#count(-1, bytes)
      if (error === undefined) this.#reply({ op: 'stored', id, revision, epoch: this.#shared.store.epoch })
      else this.#refuse(id, error)
    })
    // Counted once nothing can throw any more; what was told at once has been taken off already.
    this.#count(1, bytes)
  }

  /** ERR_DYAD_BUSY if too much is being written already. */
  #checkWrite(bytes: number): number {
    if (this.#writes >= MAX_WRITES) throw busy(`${MAX_WRITES} writes`)
    if (this.#writeBytes + bytes > MAX_WRITE_BYTES) throw busy(`writes of ${MAX_WRITE_BYTES / 1024 / 1024} MiB`)
    return bytes
  }

  #count(writes: 1 | -1, bytes: number): void {
    this.#writes += writes
    this.#writeBytes += writes * bytes
  }

  #delete(id: number, space: string, key: string): void {
    this.#checkWrite(0)
    this.#shared.store.delete(space, key, (error, before) => {
      this.#count(-1, 0)
      if (error === undefined) this.#reply({ op: 'done', id, result: before !== undefined })
      else this.#refuse(id, error)
    })
    this.#count(1, 0)
  }

  #answer(id: number, result: Promise<void>): void {
    this.#count(1, 0)
    result.then(
      () => {
        this.#count(-1, 0)
        this.#reply({ op: 'done', id, result: true })
      },
      (error) => {
        this.#count(-1, 0)
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
