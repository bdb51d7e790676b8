import type { Buffer } from 'node:buffer'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { DyadError, type FileSource, isDyadError, type TransportServer } from '@dyad-ts/core'
import { onShortage, Places } from '@dyad-ts/core/internal'
import { makeNonce } from '@dyad-ts/wire'
import { type CmEvent, type CmId, EventChannel } from '../verbs/connection-manager.js'
import { unavailable, type Verbs } from '../verbs/library.js'
import { canonicalAddress } from '../verbs/socket-address.js'
import { Adapters } from './adapter.js'
import { audienceOf, type End, writeAddress } from './address.js'
import { fabricAddresses } from './fabric.js'
import { readHello, rejectionOf } from './frames.js'
import type { Served } from './served.js'
import { ServedConnection } from './served-connection.js'

/** Most connections at once. A further one ends an idle one, or is refused. */
const MAX_CONNECTIONS = 1024
/** Most connections whose clients have not proved themselves. A further one ends the oldest. */
const MAX_WAITING = 64
/** Most connections that wait to be accepted. */
const BACKLOG = 128

/** Options of {@link serveRdma}. */
export interface ServeRdmaOptions {
  readonly token: string | undefined
  /** Address or name of this host. `0.0.0.0` and `::` mean every verbs device. */
  readonly host: string
  readonly port: number
  readonly busyMs: number
}

/**
 * Serves the files of `source` on the fabric to clients that prove to know the token.
 * ERR_DYAD_RDMA_UNAVAILABLE, ERR_DYAD_BIND.
 */
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
    // With this error a service goes on without the transport. ERR_DYAD_BIND ends its start.
    if (isDyadError(cause, 'ERR_DYAD_RDMA_UNAVAILABLE')) throw cause
    throw new DyadError('ERR_DYAD_BIND', { detail: hosts.join(', '), cause })
  }
}

/** Resolves with the addresses of verbs devices that `host` means. ERR_DYAD_RDMA_UNAVAILABLE. */
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
  readonly #token: string | undefined
  readonly #channel: EventChannel
  readonly #adapters: Adapters
  readonly #listeners: CmId[] = []
  /** Oldest first. */
  readonly #connections = new Set<ServedConnection>()
  readonly #draining = new Set<Promise<void>>()
  readonly #noMoreRelief: () => void
  #closing: Promise<void> | undefined

  constructor(verbs: Verbs, source: FileSource, { token, busyMs }: ServeRdmaOptions) {
    this.#served = { source, places: new Places() }
    this.#token = token
    this.#channel = new EventChannel(verbs)
    this.#adapters = new Adapters(verbs, busyMs)
    // A transfer whose reader stands still keeps its file open.
    this.#noMoreRelief = onShortage(() => this.#served.places.reclaim())
  }

  /** Listens at `host`. VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  listen(host: string, port: number): End {
    const listener = this.#channel.createId()
    this.#listeners.push(listener)
    listener.bind(host, port)
    // It fails now, and not at the first client, if memory cannot be locked.
    this.#adapters.of(listener)
    const end: End = { host, port: listener.port }
    listener.onEvent = (event) => this.#event(event, end)
    listener.listen(BACKLOG)
    return end
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #event({ name, request, privateData }: CmEvent, end: End): void {
    if (name !== 'CONNECT_REQUEST' || request === undefined) return
    try {
      const clientNonce = readHello(privateData)
      if (clientNonce === undefined) reject(request, 'ERR_DYAD_PROTOCOL')
      else if (this.#isFull && this.#idle === undefined) {
        this.#served.places.reclaim()
        reject(request, 'ERR_DYAD_TRANSFER')
      } else this.#accept(request, clientNonce, end)
    } catch {
      // The client may be gone, or the device may be out of a resource. The client gets the
      // rejection, and tries another transport.
      reject(request, 'ERR_DYAD_TRANSFER')
    }
  }

  #accept(id: CmId, clientNonce: Buffer, end: End): void {
    const waiting = [...this.#connections].filter(({ isKnown }) => !isKnown)
    if (waiting.length >= MAX_WAITING) waiting[0]?.close()
    const handshake = { token: this.#token, audience: audienceOf(end), clientNonce, serverNonce: makeNonce() }
    const connection = new ServedConnection(id, this.#adapters.of(id), this.#served, handshake, {
      known: () => {
        if (this.#isFull && !this.#makeRoom()) throw new DyadError('ERR_DYAD_TRANSFER')
      },
      gone: (gone) => {
        this.#connections.delete(gone)
        const drained = gone.drained()
        this.#draining.add(drained)
        void drained.then(() => this.#draining.delete(drained))
      },
    })
    this.#connections.add(connection)
  }

  get #isFull(): boolean {
    return (
      this.#connections.size >= MAX_CONNECTIONS &&
      [...this.#connections].filter(({ isKnown }) => isKnown).length >= MAX_CONNECTIONS
    )
  }

  /** The oldest idle connection. */
  get #idle(): ServedConnection | undefined {
    return [...this.#connections].find(({ isKnown, isIdle }) => isKnown && isIdle)
  }

  /**
   * Ends the oldest idle connection. Returns false if there is none; it then ends a transfer whose
   * client takes nothing, so that one becomes idle.
   */
  #makeRoom(): boolean {
    const idle = this.#idle
    if (idle === undefined) this.#served.places.reclaim()
    else idle.close()
    return idle !== undefined
  }

  async #close(): Promise<void> {
    this.#noMoreRelief()
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
    // The connection is gone already.
  } finally {
    request.destroy()
  }
}
