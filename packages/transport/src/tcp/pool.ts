import { DyadError } from '@dyad-ts/core'
import { abortable, descriptorClosed, onShortage, SilentServers, Slots } from '@dyad-ts/core/internal'
import { orUntrusted } from '@dyad-ts/wire'
import { Connection, type ConnectionOptions } from './connection.js'

/** Most transfers from one server at once. Others wait for their turn. */
const MAX_TRANSFERS = 256
/**
 * Most attempts to connect to one server at once. Each TLS handshake takes both sides a millisecond
 * of computing or more, while the time to answer runs for all of them. On a slow machine, hundreds
 * at once would all be late.
 */
const MAX_DIALS = 16
/** Time without new connections after the server had no room for one, in ms. */
const REFUSED_MS = 1_000
/** Most connections to one server that are kept for later. */
const MAX_IDLE = 32

const SILENT = 'it did not answer the last time'

/** A connection for one holder, until it releases it. */
export interface Lease {
  readonly connection: Connection
  /** Gives the connection back, to be used again unless it is gone. Called once. */
  release(): void
  /**
   * Ends the connection, since the server has no room for it. For a while the pool makes no new
   * connection to that server. Called instead of `release`.
   */
  refused(): void
}

interface Server {
  readonly url: URL
  readonly slots: Slots
  readonly dials: Slots
  /** The one used last is taken first, so that superfluous ones stay idle and close. */
  readonly idle: Connection[]
  /** Number of transfers that have a place, or wait for one. */
  users: number
}

/** Connections by server. The pool keeps them open after a transfer, and lends them to the next. */
export class Pool {
  readonly #options: ConnectionOptions
  readonly #servers = new Map<string, Server>()
  readonly #connections = new Set<Connection>()
  readonly #silent = new SilentServers()
  /** Timers that end the times without new connections. */
  readonly #pauses = new Set<NodeJS.Timeout>()

  readonly #noMoreRelief = onShortage(() => this.#closeIdle())

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Returns an idle connection to `url`, or undefined if there is none. */
  take(url: string): Lease | undefined {
    const server = this.#servers.get(url)
    if (server === undefined || server.idle.length === 0 || !server.slots.tryAcquire()) return undefined
    server.users++
    return this.#lease(url, server, server.idle.pop() ?? this.#connect(server))
  }

  /**
   * Makes a connection to `url`, or takes one that was given back meanwhile unless `fresh` is set.
   * ERR_DYAD_OWNER_UNREACHABLE, or the signal's reason.
   */
  async acquire(url: string, fresh: boolean, signal: AbortSignal): Promise<Lease> {
    if (this.#silent.has(url)) throw unreachable(url, SILENT)
    const server = this.#server(url)
    server.users++
    try {
      await server.slots.acquire(signal)
    } catch (error) {
      this.#leave(url, server)
      throw error
    }
    const idle = fresh ? undefined : server.idle.pop()
    if (idle !== undefined) return this.#lease(url, server, idle)
    try {
      await server.dials.acquire(signal)
    } catch (error) {
      this.#return(url, server)
      throw error
    }
    try {
      return await this.#dial(url, server, fresh, signal)
    } finally {
      server.dials.release()
    }
  }

  async #dial(url: string, server: Server, fresh: boolean, signal: AbortSignal): Promise<Lease> {
    const idle = fresh ? undefined : server.idle.pop()
    if (idle !== undefined) return this.#lease(url, server, idle)
    if (this.#silent.has(url)) {
      this.#return(url, server)
      throw unreachable(url, SILENT)
    }
    const lease = this.#lease(url, server, this.#connect(server))
    try {
      await abortable(lease.connection.connected, signal)
      this.#silent.delete(url)
      return lease
    } catch (cause) {
      lease.connection.destroy()
      lease.release()
      if (signal.aborted) throw cause
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ETIMEDOUT') this.#silent.add(url)
      const why = orUntrusted(cause, url)
      if (why !== cause) throw why
      throw unreachable(url, message, cause)
    }
  }

  /** Ends every connection, and waits until all are closed. */
  async close(): Promise<void> {
    this.#noMoreRelief()
    for (const pause of this.#pauses) clearTimeout(pause)
    const connections = [...this.#connections]
    for (const connection of connections) connection.destroy()
    await Promise.all(connections.map(({ whenClosed }) => whenClosed))
  }

  #server(url: string): Server {
    const known = this.#servers.get(url)
    if (known !== undefined) return known
    const server: Server = {
      url: new URL(url),
      slots: new Slots(MAX_TRANSFERS),
      dials: new Slots(MAX_DIALS),
      idle: [],
      users: 0,
    }
    this.#servers.set(url, server)
    return server
  }

  #lease(url: string, server: Server, connection: Connection): Lease {
    const release = () => {
      this.#keep(server, connection)
      server.slots.release()
      this.#leave(url, server)
    }
    const refused = () => {
      connection.destroy()
      // Until the server may have room again, only as many places are left as there are
      // connections.
      let places = 1
      while (server.slots.tryAcquire()) places++
      for (const _ of server.idle) {
        server.slots.release()
        places--
      }
      const pause = setTimeout(() => {
        this.#pauses.delete(pause)
        for (; places > 0; places--) server.slots.release()
        this.#leave(url, server)
      }, REFUSED_MS)
      this.#pauses.add(pause)
    }
    return { connection, release, refused }
  }

  #connect(server: Server): Connection {
    const connection: Connection = new Connection(server.url, this.#options, () => {
      const at = server.idle.indexOf(connection)
      if (at >= 0) server.idle.splice(at, 1)
    })
    this.#connections.add(connection)
    void connection.whenClosed.then(() => {
      this.#connections.delete(connection)
      descriptorClosed()
    })
    return connection
  }

  #closeIdle(): void {
    for (const { idle } of this.#servers.values()) for (const connection of idle.splice(0)) connection.destroy()
  }

  #keep(server: Server, connection: Connection): void {
    if (connection.isGone) return
    if (server.idle.length >= MAX_IDLE) {
      connection.destroy()
      return
    }
    server.idle.push(connection)
    connection.rest()
  }

  /** Gives back the place of a transfer that got no connection. */
  #return(url: string, server: Server): void {
    server.slots.release()
    this.#leave(url, server)
  }

  #leave(url: string, server: Server): void {
    server.users--
    if (server.users === 0 && server.idle.length === 0) this.#servers.delete(url)
  }
}

function unreachable(url: string, what: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: `${url}: ${what}`, cause })
}
