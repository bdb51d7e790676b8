import { DyadError } from '@dyad-ts/core'
import { checkKey, checkValue } from '../key-bounds.js'
import { revisionOf } from '../records/packed.js'
import { busy } from './busy.js'
import type { RegisterRequest } from './messages.js'
import type { Store } from './store.js'

/** Most bytes of registered keys and values, of one session and of all sessions of a broker. */
const MAX_SESSION_BYTES = 64 * 1024 * 1024
const MAX_BYTES = 512 * 1024 * 1024

/** Time that a holder has for a sign of life before the newcomer learns that it waits, in ms. */
const SIGN_MS = 500

/** The session of the client that owns registrations. */
export interface Holder {
  /** Whether its link is open. */
  readonly linked: boolean
  /**
   * The registration holds its key. `since` is the value to send when the client registers it
   * again.
   */
  held(id: number, since: number): void
  /** The registration does not get its key, or has lost it. */
  taken(id: number, error: DyadError): void
  /** Asks for a sign of life. */
  probe(id: number): void
  /** Another holder, without a sign of life, keeps the key for so many ms at most. */
  waits(id: number, ms: number): void
}

interface Lease {
  readonly instance: string
  /** When the instance first held the key, and in which epoch of the store. */
  readonly since: number
  readonly epoch: string
  readonly ttl: number
  readonly value: Uint8Array
  readonly holder: Holder
  readonly id: number
  /** Whether its client took it over, so that no former holder takes it back. */
  readonly takenOver: boolean
  readonly timer: NodeJS.Timeout
  /** When it ends without another sign of life, on the monotonic clock in ms. */
  until: number
}

/**
 * A registration of a key that another instance holds. A sign of life of the holder refuses it; the
 * end of the lease gives it the key.
 */
export class Newcomer {
  readonly #leases: Leases
  readonly holder: Holder
  readonly request: RegisterRequest
  #timer: NodeJS.Timeout | undefined

  constructor(leases: Leases, holder: Holder, request: RegisterRequest) {
    this.#leases = leases
    this.holder = holder
    this.request = request
  }

  /** Calls `late` if the holder does not answer for some time, or at once if it cannot answer. */
  wait(canAnswer: boolean, late: () => void): void {
    if (canAnswer) this.#timer = setTimeout(late, SIGN_MS).unref()
    else late()
  }

  /** Ends the wait. Closing twice is no error. */
  close(): void {
    clearTimeout(this.#timer)
    this.#leases.leave(this)
  }
}

/** The keys of the registry and their holders. */
export class Leases {
  readonly #store: Store
  readonly #leases = new Map<string, Lease>()
  readonly #newcomers = new Map<string, Set<Newcomer>>()
  readonly #begun = performance.now()
  /** Registered bytes, of each holder and of all. */
  readonly #bytesOf = new WeakMap<Holder, number>()
  #bytes = 0

  constructor(store: Store) {
    this.#store = store
  }

  get size(): number {
    return this.#leases.size
  }

  /**
   * Gives the key to the caller, refuses it, or returns the newcomer that waits for either, and
   * notifies the holder. An instance that registers again keeps its key. It gets the key back from
   * a holder that registered meanwhile with a store that did not know of it.
   */
  register(holder: Holder, request: RegisterRequest): Newcomer | undefined {
    const { id, key, instance } = request
    checkKey(key)
    checkValue(request.value)
    this.#checkRoom(holder, request)
    const former = this.#leases.get(key)
    if (former === undefined || former.instance === instance || this.#yields(former, request)) {
      this.#hold(holder, request)
      return undefined
    }
    if (request.since > 0) {
      holder.taken(id, refusal(key, 'was registered by another meanwhile'))
      return undefined
    }
    const newcomer = new Newcomer(this, holder, { ...request, value: Buffer.from(request.value) })
    const others = this.#newcomers.get(key)
    if (others === undefined) this.#newcomers.set(key, new Set([newcomer]))
    else others.add(newcomer)
    newcomer.wait(former.holder.linked, () => holder.waits(id, Math.max(0, former.until - performance.now())))
    former.holder.probe(former.id)
    return newcomer
  }

  /** Notes another sign of life. Returns true if the instance still holds the key. */
  renew(key: string, instance: string): boolean {
    const lease = this.#leases.get(key)
    if (lease?.instance !== instance) return false
    lease.timer.refresh()
    lease.until = performance.now() + lease.ttl
    this.#refuseNewcomers(key)
    return true
  }

  /** Removes the key if the instance holds it. */
  unregister(key: string, instance: string): boolean {
    const lease = this.#leases.get(key)
    if (lease?.instance !== instance) return false
    clearTimeout(lease.timer)
    this.#leases.delete(key)
    this.#count(lease.holder, -bytesOf(key, lease.value))
    this.#store.delete(null, key, () => {})
    const [first] = this.#newcomers.get(key) ?? []
    if (first !== undefined) {
      first.close()
      this.#hold(first.holder, first.request)
    }
    return true
  }

  /** Forgets a newcomer. */
  leave(newcomer: Newcomer): void {
    const { key } = newcomer.request
    const newcomers = this.#newcomers.get(key)
    if (newcomers?.delete(newcomer) && newcomers.size === 0) this.#newcomers.delete(key)
  }

  close(): void {
    for (const { timer } of this.#leases.values()) clearTimeout(timer)
    for (const newcomers of [...this.#newcomers.values()]) for (const newcomer of [...newcomers]) newcomer.close()
    this.#leases.clear()
  }

  /**
   * Returns true if the holder yields the key: to a caller that takes it over, to one that knows
   * that this very holder has ended, to one that registered later, and to one that held it under an
   * earlier start of the store. The last does not get it after an absence longer than its lease, or
   * after a takeover.
   */
  #yields(former: Lease, { key, since, epoch, ttl, takeover, former: ended }: RegisterRequest): boolean {
    if (since === 0) return takeover || (ended > 0 && ended === this.#revision(key))
    if (former.epoch === epoch) return former.since < since
    const isNew = former.epoch === this.#store.epoch && !former.takenOver
    return isNew && performance.now() - this.#begun <= ttl
  }

  /** Returns the revision of a key's entry. */
  #revision(key: string): number | undefined {
    const packed = this.#store.keyspace(null).get(key)
    return packed === undefined ? undefined : revisionOf(packed)
  }

  #hold(holder: Holder, request: RegisterRequest): void {
    const { id, key, instance, ttl, takeover } = request
    const former = this.#leases.get(key)
    const same = former?.instance === instance ? former : undefined
    if (former !== undefined && same === undefined) {
      former.holder.taken(former.id, refusal(key, 'was taken over by another'))
    }
    clearTimeout(former?.timer)
    if (former !== undefined) this.#count(former.holder, -bytesOf(key, former.value))
    const value = Buffer.from(request.value)
    const known = same ?? request
    const unchanged = same !== undefined && Buffer.compare(same.value, value) === 0
    // Takes effect at once: the registry is in memory.
    if (!unchanged) this.#store.put(null, key, value, () => {})
    const since = known.since > 0 ? known.since : this.#store.timeline(null).next()
    const epoch = known.since > 0 ? known.epoch : this.#store.epoch
    const timer = setTimeout(() => this.unregister(key, instance), ttl)
    timer.unref()
    const until = performance.now() + ttl
    const takenOver = same?.takenOver ?? takeover
    this.#leases.set(key, { instance, since, epoch, ttl, value, holder, id, takenOver, timer, until })
    this.#count(holder, bytesOf(key, value))
    holder.held(id, since)
    this.#refuseNewcomers(key)
  }

  /** ERR_DYAD_BUSY if there is no room for another registration. */
  #checkRoom(holder: Holder, { key, value }: RegisterRequest): void {
    const bytes = bytesOf(key, value)
    if ((this.#bytesOf.get(holder) ?? 0) + bytes > MAX_SESSION_BYTES) {
      throw busy(`registrations of ${MAX_SESSION_BYTES / 1024 / 1024} MiB`)
    }
    if (this.#bytes + bytes > MAX_BYTES) {
      throw new DyadError('ERR_DYAD_BUSY', { detail: `registrations of ${MAX_BYTES / 1024 / 1024} MiB in all` })
    }
  }

  #count(holder: Holder, bytes: number): void {
    this.#bytes += bytes
    this.#bytesOf.set(holder, (this.#bytesOf.get(holder) ?? 0) + bytes)
  }

  /** The holder lives, so the newcomers are refused. */
  #refuseNewcomers(key: string): void {
    for (const newcomer of [...(this.#newcomers.get(key) ?? [])]) {
      newcomer.close()
      newcomer.holder.taken(newcomer.request.id, refusal(key, 'is registered, and its holder lives'))
    }
  }
}

function refusal(key: string, what: string): DyadError {
  return new DyadError('ERR_DYAD_NODE_TAKEN', { detail: `'${key}' ${what}` })
}

/**
 * Counts two bytes a character, as strings take at most. Each registration also has a timer and a
 * record.
 */
function bytesOf(key: string, value: Uint8Array): number {
  return 512 + 2 * key.length + value.length
}
