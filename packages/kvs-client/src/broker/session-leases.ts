import { DyadError } from '@dyad-ts/core'
import { checkKey } from '../key-bounds.js'
import type { Packed } from '../records/packed.js'
import type { Answers } from './answers.js'
import { type Answering, LeaseWait } from './exchanges.js'
import { LEASE_MS, MAX_SESSION_LEASES } from './frames.js'
import type { Keyspace } from './keyspace.js'
import type { Space } from './messages.js'
import type { OpenRequests } from './open-requests.js'
import type { LeaseHolder, ReadLease } from './read-leases.js'
import type { Store } from './store.js'

/** The leases of one session, by the ids of the requests that they answer. */
export class SessionLeases implements LeaseHolder {
  readonly #store: Store
  readonly #answers: Answers
  readonly #open: OpenRequests
  readonly #held = new Map<number, ReadLease>()

  /** @param open the requests of the session, including waits for a lease */
  constructor(store: Store, answers: Answers, open: OpenRequests) {
    this.#store = store
    this.#answers = answers
    this.#open = open
  }

  revoke(id: number): void {
    this.#answers.send({ op: 'revoke', id })
  }

  ended(id: number): void {
    this.#held.delete(id)
  }

  /** Answers with the record and a lease on it. If there is no record, `wait` waits for one. */
  request(session: Answering, wait: boolean, id: number, space: Space, key: string): void {
    checkKey(key)
    if (space === null) throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry gives no leases' })
    // Checked here: when a wait is answered, an error would go to the put that answers it.
    this.#open.checkFree(id)
    if (this.#held.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `lease ${id} is held already` })
    const keyspace = this.#store.keyspace(space)
    const packed = keyspace.get(key)
    if (packed !== undefined) {
      this.#lease(id, keyspace, key, packed)
    } else if (wait) {
      const open = new LeaseWait(session, id, keyspace, key)
      this.#open.add(id, open)
      keyspace.wait(open)
    } else {
      this.#answers.send({ op: 'none', id })
    }
  }

  /**
   * The client counts from its request, so after a long wait a lease would have ended on arrival.
   */
  answer({ id, keyspace, key, since }: LeaseWait, packed: Packed): void {
    const current = performance.now() - since < LEASE_MS && keyspace.get(key) === packed
    if (current) this.#lease(id, keyspace, key, packed)
    else this.#answers.send({ op: 'entry', id, packed })
  }

  /** Ends the lease of that id, if there is one. */
  cancel(id: number): void {
    const lease = this.#held.get(id)
    if (lease !== undefined) this.#store.readLeases.end(lease)
  }

  /** Ends all of them. */
  close(): void {
    for (const lease of [...this.#held.values()]) this.#store.readLeases.end(lease)
  }

  /** Answers with the visible record, and a lease on it within the bounds. */
  #lease(id: number, keyspace: Keyspace, key: string, packed: Packed): void {
    const room = this.#held.size < MAX_SESSION_LEASES
    const lease = room ? this.#store.readLeases.grant(this, id, keyspace, key) : undefined
    if (lease !== undefined) this.#held.set(id, lease)
    this.#answers.send({ op: lease === undefined ? 'entry' : 'leased', id, packed })
  }
}
