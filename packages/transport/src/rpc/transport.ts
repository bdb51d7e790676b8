import {
  type FileSource,
  MAX_CHUNK_BYTES,
  type Transfer,
  type Transport,
  type TransportAddress,
  type TransportServer,
} from '@dyad-ts/core'
import { milliseconds, type RangeRequest, RemoteTransport, wholeNumber } from '@dyad-ts/core/internal'
import { obstacleAt, readAddress } from '../address.js'
import { CHUNK_BYTES, IDLE_MS, type NetworkOptions } from '../network-options.js'
import { ClientPool } from './client-pool.js'
import { MAX_CREDIT } from './frames.js'
import { serveRpc } from './server.js'

/** Options of {@link rpcTransport}. */
export interface RpcTransportOptions extends NetworkOptions {
  /** Longest chunk, in bytes, up to 4 MiB. @default 524288 */
  chunkBytes?: number | undefined
  /**
   * Most chunks of one transfer that are under way or wait for their reader, 1 to 1,024. @default 4
   */
  window?: number | undefined
}

const PROTOCOLS = ['ws:', 'wss:']
const WINDOW = 4

/**
 * Returns a transport that moves files over WebSocket connections, one for each pair of a client
 * and a server. ERR_DYAD_OPTION for a size out of bounds.
 */
export function rpcTransport(options: RpcTransportOptions = {}): Transport {
  return new RpcTransport(options)
}

class RpcTransport extends RemoteTransport<string> {
  readonly name = 'rpc'
  readonly #options: RpcTransportOptions
  readonly #chunkBytes: number
  readonly #window: number
  readonly #clients: ClientPool

  constructor(options: RpcTransportOptions) {
    super()
    this.#options = options
    this.#chunkBytes = wholeNumber('chunkBytes', options.chunkBytes ?? CHUNK_BYTES, 1, MAX_CHUNK_BYTES)
    this.#window = wholeNumber('window', options.window ?? WINDOW, 1, MAX_CREDIT)
    this.#clients = new ClientPool({
      token: options.token,
      ca: options.ca,
      idleMs: milliseconds('idleMs', options.idleMs ?? IDLE_MS),
      live: this.live,
    })
  }

  override async obstacle(address: TransportAddress, _storage: string): Promise<string | undefined> {
    return obstacleAt(address, PROTOCOLS)
  }

  protected override listen(source: FileSource): Promise<TransportServer> {
    const { token, tls, host, port, advertise } = this.#options
    return serveRpc(source, { token, tls, host, port, advertise, chunkBytes: this.#chunkBytes })
  }

  protected override read(address: TransportAddress): string | undefined {
    return readAddress(address, PROTOCOLS)
  }

  protected override begin(url: string, request: RangeRequest, signal: AbortSignal | undefined): Promise<Transfer> {
    const pace = { chunk: this.#chunkBytes, window: this.#window, signal }
    return this.#clients.use(url, signal, (client) => client.fetch(request, pace))
  }

  protected override disconnect(): Promise<void> {
    return this.#clients.close()
  }
}
