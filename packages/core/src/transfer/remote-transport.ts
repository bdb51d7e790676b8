import { DyadError } from '../errors.js'
import type {
  FetchOptions,
  FetchRequest,
  FileSource,
  Transfer,
  Transport,
  TransportAddress,
  TransportServer,
} from './contract.js'
import type { LiveTransfers } from './incoming-transfer.js'
import { rangeOf } from './range.js'

/** A request whose range is known. */
export type RangeRequest = FetchRequest & { readonly start: number; readonly end: number }

/**
 * The outline of a transport that asks owners for files over connections. It checks what its caller
 * asks for, and ends the transfers under way when it closes. `Owner` is the type of a read address.
 */
export abstract class RemoteTransport<Owner> implements Transport {
  abstract readonly name: string
  protected readonly live: LiveTransfers = new Set()
  #last: { readonly address: TransportAddress; readonly owner: Owner | undefined } | undefined
  #closed = false

  get unavailable(): DyadError | undefined {
    return undefined
  }

  async serve(source: FileSource): Promise<TransportServer> {
    this.checkOpen()
    this.#checkAvailable()
    return this.listen(source)
  }

  abstract obstacle(address: TransportAddress, storage: string): Promise<string | undefined>

  async fetch(address: TransportAddress, request: FetchRequest, { signal }: FetchOptions = {}): Promise<Transfer> {
    this.checkOpen()
    signal?.throwIfAborted()
    this.#checkAvailable()
    const owner = this.ownerAt(address)
    if (owner === undefined) {
      throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `no address of the ${this.name} transport` })
    }
    const { start, end } = rangeOf(request)
    return this.begin(owner, { ...request, start, end }, signal)
  }

  async close(): Promise<void> {
    this.#closed = true
    const closed = new DyadError('ERR_DYAD_CLOSED')
    for (const transfer of this.live) transfer.fail(closed)
    await this.disconnect()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Answers fetches with the files of `source`. */
  protected abstract listen(source: FileSource): Promise<TransportServer>
  /** Reads an address. Returns undefined for anything else than one of this transport. */
  protected abstract read(address: TransportAddress): Owner | undefined
  /** Begins a transfer, and resolves when the owner has opened the file. */
  protected abstract begin(owner: Owner, request: RangeRequest, signal: AbortSignal | undefined): Promise<Transfer>
  /** Closes every connection. */
  protected abstract disconnect(): Promise<void>

  /**
   * Reads an address, and keeps the last one. A consumer of many small files asks one owner again
   * and again, and reading an address takes as long as some system calls.
   */
  protected ownerAt(address: TransportAddress): Owner | undefined {
    if (this.#last?.address !== address) this.#last = { address, owner: this.read(address) }
    return this.#last.owner
  }

  protected checkOpen(): void {
    if (this.#closed) throw new DyadError('ERR_DYAD_CLOSED')
  }

  #checkAvailable(): void {
    const { unavailable } = this
    if (unavailable !== undefined) throw unavailable
  }
}
