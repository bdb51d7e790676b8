import { flatOptions } from '@dyad/core'
import type { LinkHandlers } from '@dyad/wire'
import { MAX_TTL_MS } from './broker/frames.js'
import { Leases } from './broker/leases.js'
import { ScanTurns } from './broker/scan-turns.js'
import { Session } from './broker/session.js'
import { Store } from './broker/store.js'
import { type ClientLink, Connection } from './client/connection.js'
import { BrokerClient } from './client/kvs.js'
import { MemoryRecordStore } from './records/memory-records.js'

/** A store in this process, for any number of {@link memoryKvs} clients; it lives as long as anything refers to it. */
export class MemoryStore {
  readonly id = `memory:${crypto.randomUUID()}`
  readonly #store = new Store(new MemoryRecordStore())
  readonly #leases = new Leases(this.#store)
  readonly #scans = new ScanTurns()
  #links = 0

  /** Opens a link to a broker that is in this process: frames are encoded all the same, so that nobody shares memory. */
  open(handlers: LinkHandlers): ClientLink {
    let open = true
    const deliver = (to: (bytes: Buffer) => void, bytes: Uint8Array, length: number): void => {
      const copy = Buffer.from(bytes.subarray(0, length))
      queueMicrotask(() => {
        if (open) to(copy)
      })
    }
    const shared = {
      store: this.#store,
      leases: this.#leases,
      scans: this.#scans,
      stats: () => ({ ...this.#store.counts(), links: this.#links, leases: this.#leases.size }),
    }
    const session = new Session(shared, {
      unsentBytes: 0,
      drained: () => Promise.resolve(),
      post: (bytes, length) => deliver((copy) => handlers.message(copy), bytes, length),
    })
    this.#links++
    return {
      post: (bytes, length) => deliver((copy) => session.message(copy), bytes, length),
      // After what has been sent before.
      close: () =>
        queueMicrotask(() => {
          if (!open) return
          open = false
          this.#links--
          session.closed()
          handlers.closed(undefined)
        }),
      hold: () => {},
    }
  }
}

/** Options of {@link memoryKvs}. */
export interface MemoryKvsOptions {
  /** What the client is to see. @default a store of its own */
  store?: MemoryStore | undefined
}

/** A client of a store in this process; what is in it is gone when the process is. */
export function memoryKvs(options: MemoryKvsOptions = {}): BrokerClient {
  const { store = new MemoryStore() } = flatOptions(options)
  const connection = new Connection({
    url: store.id,
    dial: async (handlersFor) => store.open(handlersFor()),
    connectTimeout: MAX_TTL_MS,
    callTimeout: MAX_TTL_MS,
  })
  return new BrokerClient(store.id, connection, { crossProcess: false, leases: false, readLeases: true })
}
