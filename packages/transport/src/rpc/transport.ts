import {
  DyadError,
  type FetchOptions,
  type FetchRequest,
  type FileSource,
  MAX_CHUNK_BYTES,
  rangeOf,
  type Transfer,
  type Transport,
  type TransportAddress,
  type TransportServer,
} from '@dyad-ts/core'
import { milliseconds, wholeNumber } from '@dyad-ts/core/internal'
import { obstacleAt, readAddress } from '../address.js'
import { ClientPool } from './client-pool.js'
import { MAX_CREDIT } from './frames.js'
import { serveRpc } from './server.js'

/** Options of {@link rpcTransport}. */
export interface RpcTransportOptions {
  /** Shared secret that both sides present. Needed to bind beyond loopback. @default none */
  token?: string | undefined
  /** PEM certificate and key of the server; with them it speaks TLS only. @default none */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined
  /** PEM certificates that the client trusts beside the system's. @default none */
  ca?: string | Buffer | undefined
  /** Address or name to bind. @default '127.0.0.1' */
  host?: string | undefined
  /** Port to bind; 0 takes any. @default 0 */
  port?: number | undefined
  /** Host name or address under which other nodes reach this one. @default the address bound */
  advertise?: string | undefined
  /** Longest chunk, in bytes, up to 4 MiB. @default 524288 */
  chunkBytes?: number | undefined
  /**
   * Chunks of one transfer that may be under way or wait for their reader, 1 to 1,024. @default 4
   */
  window?: number | undefined
  /** Milliseconds that a connection without transfers is kept for the next. @default 30000 */
  idleMs?: number | undefined
}

const PROTOCOLS = ['ws:', 'wss:']
const CHUNK_BYTES = 512 * 1024
const WINDOW = 4
const IDLE_MS = 30_000

/**
 * Moves files over WebSocket connections, one for each pair of a client and a server.
 * ERR_DYAD_OPTION for a size out of bounds.
 */
export function rpcTransport(options: RpcTransportOptions = {}): Transport {
  return new RpcTransport(options)
}

class RpcTransport implements Transport {
  readonly name = 'rpc'
  readonly #options: RpcTransportOptions
  readonly #chunkBytes: number
  readonly #window: number
  readonly #clients: ClientPool
  #closed = false

  constructor(options: RpcTransportOptions) {
    this.#options = options
    this.#chunkBytes = wholeNumber('chunkBytes', options.chunkBytes ?? CHUNK_BYTES, 1, MAX_CHUNK_BYTES)
    this.#window = wholeNumber('window', options.window ?? WINDOW, 1, MAX_CREDIT)
    this.#clients = new ClientPool({
      token: options.token,
      ca: options.ca,
      idleMs: milliseconds('idleMs', options.idleMs ?? IDLE_MS),
    })
  }

  async serve(source: FileSource): Promise<TransportServer> {
    this.#checkOpen()
    const { token, tls, host, port, advertise } = this.#options
    return serveRpc(source, { token, tls, host, port, advertise, chunkBytes: this.#chunkBytes })
  }

  async obstacle(address: TransportAddress, _storage: string): Promise<string | undefined> {
    return obstacleAt(address, PROTOCOLS)
  }

  async fetch(address: TransportAddress, request: FetchRequest, options: FetchOptions = {}): Promise<Transfer> {
    this.#checkOpen()
    options.signal?.throwIfAborted()
    const url = readAddress(address, PROTOCOLS)
    if (url === undefined) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: 'no address of the rpc transport' })
    const { start, end } = rangeOf(request)
    const { signal } = options
    return this.#clients.use(url, signal, (client) =>
      client.fetch({ ...request, start, end }, { chunk: this.#chunkBytes, window: this.#window, signal }),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#clients.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw new DyadError('ERR_DYAD_CLOSED')
  }
}
