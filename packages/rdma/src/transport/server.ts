import type { Buffer } from 'node:buffer'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { DyadError, type FileSource, isDyadError, Places, type TransportServer } from '@dyad/core'
import { isSameDigest } from '@dyad/wire'
import { type CmEvent, type CmId, EventChannel } from '../verbs/connection-manager.js'
import { unavailable, type Verbs } from '../verbs/library.js'
import { canonicalAddress } from '../verbs/socket-address.js'
import { Adapters } from './adapter.js'
import { type End, writeAddress } from './address.js'
import { fabricAddresses } from './fabric.js'
import { proofOf, readHello, rejectionOf } from './frames.js'
import { ServedConnection } from './served-connection.js'

/** Connections at once. One more ends one that does nothing, or is refused. */
const MAX_CONNECTIONS = 1024
/** Connections that wait to be accepted. */
const BACKLOG = 128

/** Options of {@link serveRdma}. */
export interface ServeRdmaOptions {
  readonly token: string | undefined
  /** Address or name of this host; every address means every verbs device. */
  readonly host: string
  readonly port: number
  readonly busyMs: number
}

/** What all connections of a server share. */
export interface Served {
  readonly source: FileSource
  readonly places: Places
}

/** Listens on the fabric and serves the files of `source` to whoever has the token. ERR_DYAD_RDMA_UNAVAILABLE, ERR_DYAD_BIND. */
export async function serveRdma(verbs: Verbs, source: FileSource, options: ServeRdmaOptions): Promise<TransportServer> {
  const hosts = await hostsOf(verbs, options.host)
  if (!options.token) {
    const detail = `${hosts.join(', ')}: a fabric lies beyond loopback, and there is no token`
    throw new DyadError('ERR_DYAD_BIND', { detail })
  }
  const server = new Server(verbs, source, options)
  try {
    const ends = hosts.map((host) => server.listen(host, options.port))
    const close = () => server.close()
    return { address: writeAddress(ends), close, [Symbol.asyncDispose]: close }
  } catch (cause) {
    await server.close()
    // A service goes on without the transport then; that an address is taken ends it.
    if (isDyadError(cause, 'ERR_DYAD_RDMA_UNAVAILABLE')) throw cause
    throw new DyadError('ERR_DYAD_BIND', { detail: hosts.join(', '), cause })
  }
}

/** The addresses of verbs devices that `host` means. ERR_DYAD_RDMA_UNAVAILABLE. */
async function hostsOf(verbs: Verbs, host: string): Promise<string[]> {
  const ours = fabricAddresses(verbs)
  if (ours.length === 0) throw unavailable('no verbs device has an address; give its network interface one')
  const address = isIP(host) === 0 ? (await lookup(host)).address : host
  if (/^[0:.]+$/.test(address)) return ours
  const wanted = canonicalAddress(address)
  if (ours.includes(wanted)) return [wanted]
  throw unavailable(
    `the service listens at ${host}, and verbs devices have ${ours.join(', ')}: set DYAD_HOST to one of these, or to 0.0.0.0`,
  )
}

class Server {
  readonly #served: Served
  readonly #proof: Buffer
  readonly #channel: EventChannel
  readonly #adapters: Adapters
  readonly #listeners: CmId[] = []
  readonly #connections = new Set<ServedConnection>()
  readonly #draining = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(verbs: Verbs, source: FileSource, { token, busyMs }: ServeRdmaOptions) {
    this.#served = { source, places: new Places() }
    this.#proof = proofOf(token)
    this.#channel = new EventChannel(verbs)
    this.#adapters = new Adapters(verbs, busyMs)
  }

  /** VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  listen(host: string, port: number): End {
    const listener = this.#channel.createId()
    this.#listeners.push(listener)
    listener.bind(host, port)
    // Memory that cannot be locked is told of now, and not to the first client.
    this.#adapters.of(listener)
    listener.onEvent = (event) => this.#event(event)
    listener.listen(BACKLOG)
    return { host, port: listener.port }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #event({ name, request, privateData }: CmEvent): void {
    if (name !== 'CONNECT_REQUEST' || request === undefined) return
    try {
      const code = this.#refusal(privateData)
      if (code === undefined) this.#accept(request)
      else reject(request, code)
    } catch {
      // Who asked may be gone again, or the device may be out of something; it hears that it is rejected, and tries another way.
      reject(request, 'ERR_DYAD_TRANSFER')
    }
  }

  #refusal(hello: Buffer): string | undefined {
    const proof = readHello(hello)
    if (proof === undefined) return 'ERR_DYAD_PROTOCOL'
    if (!isSameDigest(proof, this.#proof)) return 'ERR_DYAD_DENIED'
    return this.#connections.size < MAX_CONNECTIONS || this.#makeRoom() ? undefined : 'ERR_DYAD_TRANSFER'
  }

  #accept(id: CmId): void {
    const connection = new ServedConnection(id, this.#adapters.of(id), this.#served, (gone) => {
      this.#connections.delete(gone)
      const drained = gone.drained()
      this.#draining.add(drained)
      void drained.then(() => this.#draining.delete(drained))
    })
    this.#connections.add(connection)
  }

  /**
   * Ends the oldest connection that does nothing, and returns whether there was one. If there is
   * none, ends a transfer whose client takes nothing, so that there will be one.
   */
  #makeRoom(): boolean {
    const idle = [...this.#connections].find(({ isIdle }) => isIdle)
    if (idle === undefined) this.#served.places.reclaim()
    else idle.close()
    return idle !== undefined
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners) listener.destroy()
    for (const connection of [...this.#connections]) connection.close()
    await Promise.all(this.#draining)
    this.#adapters[Symbol.dispose]()
    this.#channel[Symbol.dispose]()
  }
}

function reject(request: CmId, code: string): void {
  if (request.isGone) return
  try {
    request.reject(rejectionOf(code))
  } catch {
    // It is gone already.
  } finally {
    request.destroy()
  }
}
