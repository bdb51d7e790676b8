import { flatOptions } from '@dyad-ts/core/internal'
import type { LinkHandlers } from '@dyad-ts/wire'
import { MAX_TTL_MS } from './broker/frames.js'
import { Leases } from './broker/leases.js'
import { ScanTurns } from './broker/scan-turns.js'
import { Session } from './broker/session.js'
import { Store } from './broker/store.js'
import { type ClientLink, Connection } from './client/connection.js'
import { BrokerClient } from './client/kvs.js'
import { linkInProcess } from './in-process-link.js'
import { MemoryRecordStore } from './records/memory-records.js'

/**
 * A store in this process, for any number of {@link memoryKvs} clients. It lives as long as it is
 * referenced.
 */
export class MemoryStore {
  readonly id = `memory:${crypto.randomUUID()}`
  readonly #store = new Store(new MemoryRecordStore())
  readonly #leases = new Leases(this.#store)
  readonly #shared = {
    store: this.#store,
    leases: this.#leases,
    scans: new ScanTurns(),
    stats: () => ({ ...this.#store.counts(), links: this.#links, leases: this.#leases.size }),
  }
  #links = 0

  /** Opens a link to the store. */
  open(handlers: LinkHandlers): ClientLink {
    return linkInProcess((link) => {
      this.#links++
      const session = new Session(this.#shared, link)
      return {
        message: (bytes) => session.message(bytes),
        closed: () => {
          this.#links--
          session.closed()
        },
      }
    }, handlers)
  }
}

/** Options of {@link memoryKvs}. */
export interface MemoryKvsOptions {
  /** The store of the client. @default a new one */
  store?: MemoryStore | undefined
}

/** Returns a client of a store in this process. The store's contents end with the process. */
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
