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
import { Pool } from './pool.js'
import { serveTcp } from './server.js'
import { TcpTransfer } from './transfer.js'

/** Options of {@link tcpTransport}. */
export interface TcpTransportOptions {
  /** Shared secret that both sides have. Needed to bind beyond loopback. @default none */
  token?: string | undefined
  /** PEM certificate and key of the server; with them it speaks TLS only. @default none */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined
  /** PEM certificates that the client trusts beside the system's. @default the system's alone */
  ca?: string | Buffer | undefined
  /** Address or name to bind. @default '127.0.0.1' */
  host?: string | undefined
  /** Port to bind; 0 takes any. @default 0 */
  port?: number | undefined
  /** Host name or address under which other nodes reach this one. @default the address bound */
  advertise?: string | undefined
  /** Longest chunk, and longest read at the owner, in bytes, 4 KiB to 4 MiB. @default 524288 */
  chunkBytes?: number | undefined
  /** Milliseconds that a connection without a transfer is kept for the next. @default 30000 */
  idleMs?: number | undefined
}

const PROTOCOLS = ['tcp:', 'tls:']
const CHUNK_BYTES = 512 * 1024
const MIN_CHUNK_BYTES = 4096
const IDLE_MS = 30_000

/**
 * Moves files over plain TCP connections, or TLS ones: one for each transfer, kept for the next.
 * ERR_DYAD_OPTION for a size out of bounds.
 */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  return new TcpTransport(options)
}

class TcpTransport implements Transport {
  readonly name = 'tcp'
  readonly #options: TcpTransportOptions
  readonly #chunkBytes: number
  readonly #pool: Pool
  readonly #live = new Set<TcpTransfer>()
  readonly #finished = (transfer: TcpTransfer) => void this.#live.delete(transfer)
  #last: { readonly address: TransportAddress; readonly url: string } | undefined
  #closed = false

  constructor(options: TcpTransportOptions) {
    const { token, ca } = options
    const idleMs = milliseconds('idleMs', options.idleMs ?? IDLE_MS)
    const chunkBytes = wholeNumber('chunkBytes', options.chunkBytes ?? CHUNK_BYTES, MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)
    this.#options = options
    this.#chunkBytes = chunkBytes
    this.#pool = new Pool({ token, ca, idleMs, bufferBytes: chunkBytes })
  }

  async serve(source: FileSource): Promise<TransportServer> {
    this.#checkOpen()
    const { token, tls, host, port, advertise } = this.#options
    return serveTcp(source, { token, tls, host, port, advertise, chunkBytes: this.#chunkBytes })
  }

  async obstacle(address: TransportAddress, _storage: string): Promise<string | undefined> {
    return obstacleAt(address, PROTOCOLS)
  }

  async fetch(address: TransportAddress, request: FetchRequest, options: FetchOptions = {}): Promise<Transfer> {
    this.#checkOpen()
    const { signal } = options
    signal?.throwIfAborted()
    const url = this.#urlOf(address)
    const { start, end } = rangeOf(request)
    const transfer = new TcpTransfer({
      url,
      request: { ...request, start, end },
      pool: this.#pool,
      signal,
      finished: this.#finished,
    })
    this.#live.add(transfer)
    await transfer.open()
    return transfer
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const transfer of this.#live) transfer.fail(new DyadError('ERR_DYAD_CLOSED'))
    await this.#pool.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * A consumer of many small files asks one owner again and again, and reading an address takes as
   * long as some system calls.
   */
  #urlOf(address: TransportAddress): string {
    if (this.#last?.address !== address) {
      const url = readAddress(address, PROTOCOLS)
      if (url === undefined) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: 'no address of the tcp transport' })
      this.#last = { address, url }
    }
    return this.#last.url
  }

  #checkOpen(): void {
    if (this.#closed) throw new DyadError('ERR_DYAD_CLOSED')
  }
}
