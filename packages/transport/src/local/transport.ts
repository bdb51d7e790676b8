import { stat } from 'node:fs/promises'
import {
  DyadError,
  type FetchOptions,
  type FetchRequest,
  type FileSource,
  isDyadError,
  ManagedSource,
  rangeOf,
  type SourceDirectory,
  type Transfer,
  type Transport,
  type TransportAddress,
  type TransportServer,
} from '@dyad-ts/core'
import { abortable, isShortage, reasonOf } from '@dyad-ts/core/internal'
import { readAddress, writeAddress } from './address.js'
import { hostIdentity } from './host.js'
import { ENDED, Marker, readMarker } from './marker.js'
import { LocalTransfer } from './transfer.js'

/** Options of {@link localTransport}. */
export interface LocalTransportOptions {
  /**
   * Directory for state of this user on this host. Both sides must have the same. The server makes
   * it.
   */
  stateDir: string
}

/**
 * Returns a transport that moves files between processes of one user that see the same directory on
 * one host, by reflink or by copying. The owner proves that it has the rights of this process by a
 * file in the directory for state.
 */
export function localTransport(options: LocalTransportOptions): Transport {
  return new LocalTransport(options)
}

/** Most addresses whose markers are kept in memory. */
const MOST_KNOWN = 64

class LocalTransport implements Transport {
  readonly name = 'local'
  readonly #transfers = new Set<LocalTransfer>()
  /** Files whose transfer ended while they were opened. */
  readonly #late = new Set<Promise<void>>()
  readonly #stateDir: string
  /** Directories in the markers of addresses, or why a marker proves nothing. */
  readonly #known = new Map<TransportAddress, readonly SourceDirectory[] | string>()
  #closed = false

  constructor({ stateDir }: LocalTransportOptions) {
    this.#stateDir = stateDir
  }

  /**
   * Makes a marker that lists the directories of `source`; nothing runs. ERR_DYAD_OPTION if the
   * directory for state cannot be used.
   */
  async serve(source: FileSource): Promise<TransportServer> {
    this.#checkOpen()
    const host = await hostIdentity()
    const marker = await Marker.make(this.#stateDir, { host, directories: source.directories })
    const close = async () => marker.remove()
    return { address: writeAddress({ host, marker: marker.name }), close, [Symbol.asyncDispose]: close }
  }

  /**
   * Returns why this side cannot fetch from the address. A service that has ended is no obstacle,
   * since another one may take its place, as with a port at which nobody listens.
   */
  async obstacle(address: TransportAddress, storage: string): Promise<string | undefined> {
    const why = await this.#whyNot(address, storage)
    return why === ENDED ? undefined : why
  }

  async fetch(address: TransportAddress, request: FetchRequest, options: FetchOptions = {}): Promise<Transfer> {
    this.#checkOpen()
    options.signal?.throwIfAborted()
    if (readAddress(address) === undefined) {
      throw new DyadError('ERR_DYAD_PROTOCOL', { detail: 'no address of the local transport' })
    }
    const range = rangeOf(request)
    const { path, storage } = request
    const directories = this.#known.get(address) ?? (await this.#learn(address))
    if (typeof directories !== 'string' && !directories.some((directory) => directory.path === storage)) {
      throw new DyadError('ERR_DYAD_REFUSED', { path, detail: `${storage} is not served` })
    }
    const opening = this.#open(address, request)
    const file = await abortable(opening, options.signal).catch((error) => {
      // An abort does not wait for a slow disk. The file is closed once it is open.
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

  async #whyNot(address: TransportAddress, storage: string): Promise<string | undefined> {
    const directories = this.#known.get(address) ?? (await this.#learn(address))
    if (typeof directories === 'string') return directories
    const directory = directories.find(({ path }) => path === storage)
    if (directory === undefined) return 'it does not serve that directory'
    const seen = await stat(storage, { bigint: true }).catch(() => undefined)
    const isSame = seen !== undefined && seen.dev === directory.dev && seen.ino === directory.ino
    return isSame ? undefined : 'its directory cannot be seen from here'
  }

  async #open(address: TransportAddress, request: FetchRequest) {
    const { path, storage } = request
    const detail = await this.#whyNot(address, storage)
    if (detail !== undefined) throw new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { path, detail })
    const source = await ManagedSource.open([storage]).catch((cause) => {
      throw isDyadError(cause) ? cause : new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { path, cause })
    })
    return source.open(request)
  }

  /** Reads the marker of an address, once: the marker is older than the address. */
  async #learn(address: TransportAddress): Promise<readonly SourceDirectory[] | string> {
    const parsed = readAddress(address)
    if (parsed === undefined) return 'its address is of no use here'
    const host = await hostIdentity()
    if (parsed.host !== host) return 'its files are not on this host'
    let directories: ReturnType<typeof readMarker>
    try {
      directories = readMarker(this.#stateDir, parsed.marker, host)
    } catch (error) {
      // The caller waits for a descriptor.
      if (isShortage(error)) throw error
      // It is not kept, since the next read may succeed.
      return `its marker cannot be read: ${reasonOf(error)}`
    }
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(address, directories)
    return directories
  }

  #checkOpen(): void {
    if (this.#closed) throw new DyadError('ERR_DYAD_CLOSED')
  }
}
