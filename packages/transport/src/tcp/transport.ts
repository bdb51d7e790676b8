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
import { Pool } from './pool.js'
import { serveTcp } from './server.js'
import { TcpTransfer } from './transfer.js'

/** Options of {@link tcpTransport}. */
export interface TcpTransportOptions extends NetworkOptions {
  /** Longest chunk, and longest read at the owner, in bytes, 4 KiB to 4 MiB. @default 524288 */
  chunkBytes?: number | undefined
}

const PROTOCOLS = ['tcp:', 'tls:']
const MIN_CHUNK_BYTES = 4096

/**
 * Returns a transport that moves files over TCP, plain or with TLS, with a connection for each
 * transfer, kept for the next. ERR_DYAD_OPTION for a size out of bounds.
 */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  return new TcpTransport(options)
}

class TcpTransport extends RemoteTransport<string> {
  readonly name = 'tcp'
  readonly #options: TcpTransportOptions
  readonly #chunkBytes: number
  readonly #pool: Pool

  constructor(options: TcpTransportOptions) {
    super()
    const { token, ca } = options
    const idleMs = milliseconds('idleMs', options.idleMs ?? IDLE_MS)
    const chunkBytes = wholeNumber('chunkBytes', options.chunkBytes ?? CHUNK_BYTES, MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)
    this.#options = options
    this.#chunkBytes = chunkBytes
    this.#pool = new Pool({ token, ca, idleMs, bufferBytes: chunkBytes })
  }

  override async obstacle(address: TransportAddress, _storage: string): Promise<string | undefined> {
    return obstacleAt(address, PROTOCOLS)
  }

  protected override listen(source: FileSource): Promise<TransportServer> {
    const { token, tls, host, port, advertise } = this.#options
    return serveTcp(source, { token, tls, host, port, advertise, chunkBytes: this.#chunkBytes })
  }

  protected override read(address: TransportAddress): string | undefined {
    return readAddress(address, PROTOCOLS)
  }

  protected override async begin(
    url: string,
    request: RangeRequest,
    signal: AbortSignal | undefined,
  ): Promise<Transfer> {
    const transfer = new TcpTransfer({ url, request, pool: this.#pool, signal, live: this.live })
    await transfer.open()
    return transfer
  }

  protected override disconnect(): Promise<void> {
    return this.#pool.close()
  }
}
