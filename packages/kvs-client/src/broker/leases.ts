import { DyadError } from '@dyad/core'
import { checkKey, checkValue } from '../key-bounds.js'
import type { RegisterRequest } from './frames.js'
import type { Store } from './store.js'

/** Whom to tell that a key was taken over. */
export interface Holder {
  taken(id: number, error: DyadError): void
}

interface Lease {
  readonly instance: string
  readonly since: number
  readonly ttl: number
  readonly value: Uint8Array
  readonly holder: Holder
  readonly id: number
  readonly timer: NodeJS.Timeout
}

/** The keys of the registry and who holds them. */
export class Leases {
  readonly #store: Store
  readonly #leases = new Map<string, Lease>()

  constructor(store: Store) {
    this.#store = store
  }

  get size(): number {
    return this.#leases.size
  }

  /**
   * Gives the key to the caller, and tells whoever held it. Returns what to send as `since` when registering the same instance again,
   * which takes the key over only from those that registered before it did. ERR_DYAD_NODE_TAKEN.
   */
  register(holder: Holder, request: RegisterRequest): number {
    const { id, key, instance, ttl } = request
    checkKey(key)
    checkValue(request.value)
    const former = this.#leases.get(key)
    const same = former?.instance === instance
    if (former !== undefined && !same) {
      if (request.since > 0 && former.since > request.since) throw taken(key)
      former.holder.taken(former.id, taken(key))
    }
    clearTimeout(former?.timer)
    const value = Buffer.from(request.value)
    const known = same ? former.since : request.since
    const unchanged = same && Buffer.compare(former.value, value) === 0
    // At once: the registry is in memory.
    if (!unchanged) this.#store.put(null, key, value, () => {})
    const since = known > 0 ? known : this.#store.mark()
    const timer = setTimeout(() => this.#expire(key, instance), ttl)
    timer.unref()
    this.#leases.set(key, { instance, since, ttl, value, holder, id, timer })
    return since
  }

  /** Another sign of life; whether the instance still holds the key. */
  renew(key: string, instance: string): boolean {
    const lease = this.#leases.get(key)
    if (lease?.instance !== instance) return false
    lease.timer.refresh()
    return true
  }

  /** Removes the key if the instance holds it. */
  unregister(key: string, instance: string): boolean {
    const lease = this.#leases.get(key)
    if (lease?.instance !== instance) return false
    clearTimeout(lease.timer)
    this.#leases.delete(key)
    this.#store.delete(null, key, () => {})
    return true
  }

  close(): void {
    for (const { timer } of this.#leases.values()) clearTimeout(timer)
    this.#leases.clear()
  }

  #expire(key: string, instance: string): void {
    this.unregister(key, instance)
  }
}

function taken(key: string): DyadError {
  return new DyadError('ERR_DYAD_NODE_TAKEN', { detail: `'${key}' was registered again` })
}
