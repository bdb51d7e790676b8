import {
  DyadError,
  type FileSource,
  isDyadError,
  type Transfer,
  type Transport,
  type TransportAddress,
  type TransportServer,
} from '@dyad-ts/core'
import { milliseconds, type RangeRequest, RemoteTransport, reasonOf, wholeNumber } from '@dyad-ts/core/internal'
import { VerbError } from '../verbs/faults.js'
import { loadVerbs, unavailable, type Verbs } from '../verbs/library.js'
import { type End, readAddress } from './address.js'
import { fabricAddresses } from './fabric.js'
import { Pool } from './pool.js'
import { Routes } from './routes.js'
import { serveRdma } from './server.js'
import { RdmaTransfer } from './transfer.js'

/** Options of {@link rdmaTransport}. */
export interface RdmaTransportOptions {
  /** Shared secret that both sides have. Without one, `serve` refuses. @default none */
  token?: string | undefined
  /**
   * Address or name of this host to bind; `0.0.0.0` means every verbs device. @default '0.0.0.0'
   */
  host?: string | undefined
  /** Port to bind, in the connection manager's port space; 0 takes any. @default 0 */
  port?: number | undefined
  /** Milliseconds that a connection without a transfer is kept for the next. @default 30000 */
  idleMs?: number | undefined
  /**
   * Milliseconds after a completion for which the transport polls for the next one. Polling takes a
   * processor, and saves the way through the kernel. @default 0
   */
  busyPollMs?: number | undefined
  /** Whether files must be encrypted on their way: then `serve` refuses. @default false */
  mustEncrypt?: boolean | undefined
}

const IDLE_MS = 30_000
const MAX_PORT = 65_535
/** Time for which a missing device is not looked for again, in ms. Addresses come and go. */
const BELIEVED_MS = 10_000
/** Enough for a packet to be lost twice. */
const ANSWER_MS = 5_000

/**
 * Returns a transport that moves files by RDMA, over the verbs of InfiniBand or RoCE. Owners write
 * straight into memory that consumers grant. ERR_DYAD_OPTION for a number that cannot be used.
 */
export function rdmaTransport(options: RdmaTransportOptions = {}): Transport {
  return new RdmaTransport(options)
}

/** An owner, by its address and the devices that the address names. */
interface Owner {
  readonly address: TransportAddress
  readonly ends: readonly End[]
}

class RdmaTransport extends RemoteTransport<Owner> {
  readonly name = 'rdma'
  readonly #options: RdmaTransportOptions
  #verbs: Verbs | DyadError | undefined
  /** Time until which an error counts. */
  #believedUntil = 0
  #client: { readonly pool: Pool; readonly routes: Routes } | undefined

  constructor(options: RdmaTransportOptions) {
    super()
    this.#options = {
      ...options,
      port: wholeNumber('port', options.port ?? 0, 0, MAX_PORT),
      idleMs: milliseconds('idleMs', options.idleMs ?? IDLE_MS),
      busyPollMs: milliseconds('busyPollMs', options.busyPollMs ?? 0),
    }
  }

  override get unavailable(): DyadError | undefined {
    const found = this.#found()
    return found instanceof DyadError ? found : undefined
  }

  override async obstacle(address: TransportAddress, _storage: string): Promise<string | undefined> {
    const owner = this.ownerAt(address)
    if (owner === undefined) return 'its address is of no use here'
    if (this.unavailable !== undefined) return reasonOf(this.unavailable)
    const { routes } = this.#started()
    const { ends } = owner
    if ((routes.chosen(address) ?? (await routes.choose(address, ends))) !== undefined) return undefined
    return `no verbs device of this host leads to ${ends.map(({ host }) => host).join(', ')}`
  }

  protected override async listen(source: FileSource): Promise<TransportServer> {
    const { token, host = '0.0.0.0', port = 0, busyPollMs = 0, mustEncrypt } = this.#options
    const verbs = this.#loaded()
    if (mustEncrypt)
      throw unavailable(
        'the service has a certificate, and verbs do not encrypt: DYAD_DTL_MODE=rdma uses them all the same',
      )
    return serveRdma(verbs, source, { token, host, port, busyMs: busyPollMs })
  }

  protected override read(address: TransportAddress): Owner | undefined {
    const ends = readAddress(address)
    return ends && { address, ends }
  }

  protected override async begin(
    { address, ends }: Owner,
    request: RangeRequest,
    signal: AbortSignal | undefined,
  ): Promise<Transfer> {
    const { pool, routes } = this.#started()
    const end = routes.chosen(address) ?? (await routes.choose(address, ends)) ?? (ends[0] as End)
    this.checkOpen()
    signal?.throwIfAborted()
    const transfer = new RdmaTransfer({ end, request, pool, signal, live: this.live })
    try {
      await transfer.open()
      return transfer
    } catch (error) {
      // That memory cannot be locked is found out here, once for all files.
      if (isDyadError(error, 'ERR_DYAD_RDMA_UNAVAILABLE')) this.#find(error)
      throw error
    }
  }

  protected override async disconnect(): Promise<void> {
    this.#client?.pool.close()
  }

  #started(): { readonly pool: Pool; readonly routes: Routes } {
    if (this.#client === undefined) {
      const verbs = this.#loaded()
      const { token, idleMs = IDLE_MS, busyPollMs = 0 } = this.#options
      const pool = new Pool(verbs, { token, idleMs, answerMs: ANSWER_MS }, busyPollMs)
      this.#client = { pool, routes: new Routes(verbs) }
    }
    return this.#client
  }

  #loaded(): Verbs {
    const found = this.#found()
    if (found instanceof DyadError) throw found
    return found
  }

  #found(): Verbs | DyadError {
    const isOld = this.#verbs instanceof DyadError && performance.now() > this.#believedUntil
    return this.#verbs === undefined || isOld ? this.#find(findVerbs()) : this.#verbs
  }

  #find(found: Verbs | DyadError): Verbs | DyadError {
    this.#verbs = found
    this.#believedUntil = performance.now() + BELIEVED_MS
    return found
  }
}

/** Returns the libraries, or the error if there is no device with an address. */
function findVerbs(): Verbs | DyadError {
  try {
    const verbs = loadVerbs()
    if (fabricAddresses(verbs).length > 0) return verbs
    return unavailable('no verbs device of this host has an address')
  } catch (error) {
    if (isDyadError(error)) return error
    if (error instanceof VerbError) return unavailable(`this host has no verbs devices (${error.message})`, error)
    throw error
  }
}
