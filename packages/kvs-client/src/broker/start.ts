import { flatOptions } from '@dyad-ts/core/internal'
import { type Listener, type ListenOptions, listen } from '@dyad-ts/wire'
import type { BrokerClient } from '../client/kvs.js'
import { ClientsHere } from '../clients-here.js'
import type { Accept } from '../in-process-link.js'
import type { RecordStore } from '../records/contract.js'
import { unusable } from '../records/damaged.js'
import { LogRecordStore } from '../records/log-records.js'
import { MemoryRecordStore } from '../records/memory-records.js'
import { MAX_FRAME_BYTES } from './frames.js'
import { Leases } from './leases.js'
import type { BrokerStats } from './messages.js'
import { ScanTurns } from './scan-turns.js'
import { Session } from './session.js'
import { Store } from './store.js'

/** Options of {@link startBroker}. */
export interface BrokerOptions extends Omit<ListenOptions, 'maxFrameBytes' | 'audience'> {
  /**
   * Directory of the log, whose records survive the process. @default none: records are in memory
   */
  data?: string | undefined
}

/** A running broker. The caller of `startBroker` closes it. */
export interface Broker extends AsyncDisposable {
  readonly port: number
  /**
   * Returns the broker's address for clients that reach it as `hostname`, by default the bound
   * address.
   */
  url(hostname?: string): string
  /**
   * Messages about the opening of the records, for example that the end of an unfinished write was
   * cut off.
   */
  readonly notices: readonly string[]
  /** Returns counts of the broker's contents. */
  stats(): BrokerStats
  /**
   * Returns a client in this process, which uses no socket and no proof. The caller closes it.
   * @param id names the store, as the id of its other clients does
   * @param callTimeout longest time for an answer, in ms
   */
  client(id: string, callTimeout: number): BrokerClient
  /** Closes every link, the socket and the log. Closing twice is no error. */
  close(): Promise<void>
}

/**
 * Starts the embedded key-value store. ERR_DYAD_BIND if it cannot bind the address, or may not
 * without a token. ERR_DYAD_LOG if the log is damaged or of another version. ERR_DYAD_SYSTEM if it
 * cannot open the log, or if another broker has it open; the detail names that broker's process and
 * host. ERR_DYAD_OPTION if another user made the directory where everybody may write.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { data, ...listening } = flatOptions(options)
  const records = await openRecords(data)
  const store = new Store(records)
  const leases = new Leases(store)
  const scans = new ScanTurns()
  let links = 0
  const stats = (): BrokerStats => ({ ...store.counts(), links, leases: leases.size })
  const accept: Accept = (link) => {
    links++
    const session = new Session({ store, leases, scans, stats }, link)
    return {
      message: (bytes) => session.message(bytes),
      closed: () => {
        links--
        session.closed()
      },
    }
  }
  const clients = new ClientsHere(accept)
  let listener: Listener
  try {
    listener = await listen({ ...listening, maxFrameBytes: MAX_FRAME_BYTES }, accept)
  } catch (error) {
    await store.close()
    throw error
  }
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      clients.close()
      await listener.close()
      leases.close()
      await store.close()
    })()
    return closing
  }
  return {
    port: listener.port,
    url: (hostname) => listener.url(hostname),
    notices: records.notices,
    stats,
    client: (id, callTimeout) => clients.open(id, callTimeout),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function openRecords(data: string | undefined): Promise<RecordStore> {
  if (data === undefined) return new MemoryRecordStore()
  try {
    return await LogRecordStore.open(data)
  } catch (cause) {
    throw unusable(data, cause)
  }
}
