import { stat } from 'node:fs/promises'
import {
  abortable,
  DyadError,
  type FetchOptions,
  type FetchRequest,
  type FileSource,
  isDyadError,
  ManagedSource,
  rangeOf,
  type Transfer,
  type Transport,
  type TransportAddress,
  type TransportServer,
} from '@dyad/core'
import { readAddress, writeAddress } from './address.js'
import { hostIdentity } from './host.js'
import { LocalTransfer } from './transfer.js'

/** Moves files between processes that see the same directory on one host, by reflink or by the kernel's own copy. */
export function localTransport(): Transport {
  return new LocalTransport()
}

class LocalTransport implements Transport {
  readonly name = 'local'
  readonly #transfers = new Set<LocalTransfer>()
  /** Files that were given up while they were opened. */
  readonly #late = new Set<Promise<void>>()
  #closed = false

  /** Nothing runs at the owner: the address says where its directories are. */
  async serve(source: FileSource): Promise<TransportServer> {
    this.#checkOpen()
    const address = writeAddress({ host: await hostIdentity(), directories: source.directories })
    const close = async () => {}
    return { address, close, [Symbol.asyncDispose]: close }
  }

  async obstacle(address: TransportAddress, storage: string): Promise<string | undefined> {
    const parsed = readAddress(address)
    if (parsed === undefined) return 'its address is of no use here'
    if (parsed.host !== (await hostIdentity())) return 'its files are not on this host'
    const directory = parsed.directories.find(({ path }) => path === storage)
    if (directory === undefined) return 'it does not serve that directory'
    const seen = await stat(storage, { bigint: true }).catch(() => undefined)
    const isSame = seen !== undefined && seen.dev === directory.dev && seen.ino === directory.ino
    return isSame ? undefined : 'its directory cannot be seen from here'
  }

  async fetch(address: TransportAddress, request: FetchRequest, options: FetchOptions = {}): Promise<Transfer> {
    this.#checkOpen()
    options.signal?.throwIfAborted()
    const parsed = readAddress(address)
    if (parsed === undefined) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: 'no address of the local transport' })
    const range = rangeOf(request)
    const { path, storage } = request
    if (!parsed.directories.some((directory) => directory.path === storage)) {
      throw new DyadError('ERR_DYAD_REFUSED', { path, detail: `${storage} is not served` })
    }
    const opening = this.#open(address, request)
    const file = await abortable(opening, options.signal).catch((error) => {
      // Whoever gave up does not wait for a slow disk, and the file that it opens late is closed.
      const late = opening.then((opened) => opened.close()).catch(() => {})
      this.#late.add(late)
      void late.then(() => this.#late.delete(late))
      throw error
    })
    if (this.#closed) {
      await file.close()
      this.#checkOpen()
    }
    const transfer = new LocalTransfer(file, request, range, options.signal)
    this.#transfers.add(transfer)
    void transfer.released.then(() => this.#transfers.delete(transfer))
    return transfer
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#late)
    await Promise.all(
      [...this.#transfers].map(async (transfer) => {
        await transfer.close()
        await transfer.released
      }),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(address: TransportAddress, request: FetchRequest) {
    const { path, storage } = request
    const detail = await this.obstacle(address, storage)
    if (detail !== undefined) throw new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { path, detail })
    const source = await ManagedSource.open([storage]).catch((cause) => {
      throw isDyadError(cause) ? cause : new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { path, cause })
    })
    return source.open(request)
  }

  #checkOpen(): void {
    if (this.#closed) throw new DyadError('ERR_DYAD_CLOSED')
  }
}
