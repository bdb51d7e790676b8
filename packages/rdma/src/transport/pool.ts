import { abortable, DyadError, isDyadError, SilentServers, Slots } from '@dyad/core'
import { EventChannel } from '../verbs/connection-manager.js'
import type { Verbs } from '../verbs/library.js'
import { Adapters } from './adapter.js'
import type { End } from './address.js'
import { Connection, type ConnectionOptions } from './connection.js'
import type { Link } from './link.js'

/** Transfers from one owner at once; the rest wait for their turn. */
const MAX_TRANSFERS = 256

/** A place on a connection. */
export interface Lease {
  readonly connection: Connection
  readonly link: Link
  /** Gives the place back. Called once. */
  release(): void
}

interface Owner {
  readonly slots: Slots
  connection: Connection | undefined
  /** Holders, and those who wait to be one. */
  users: number
}

/** Connections by owner, one for all transfers from there: kept open after a transfer, and made anew when it is gone. */
export class Pool {
  readonly #options: ConnectionOptions
  readonly #channel: EventChannel
  readonly #adapters: Adapters
  readonly #owners = new Map<string, Owner>()
  readonly #silent = new SilentServers()
  #users = 0
  #isClosed = false

  /** VerbError. */
  constructor(verbs: Verbs, options: ConnectionOptions, busyMs: number) {
    this.#options = options
    this.#channel = new EventChannel(verbs)
    this.#adapters = new Adapters(verbs, busyMs)
    this.#hold(0)
  }

  /**
   * A place on the connection to `end`, which is made if there is none; if `without` is it, a new one is made. ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_DENIED,
   * ERR_DYAD_RDMA_UNAVAILABLE, or the signal's reason.
   */
  async acquire(end: End, without: Connection | undefined, signal: AbortSignal): Promise<Lease> {
    const key = `${end.host} ${end.port}`
    if (this.#silent.has(key)) throw unreachable(end, 'it did not answer the last time')
    const owner = this.#owner(key)
    const leave = () => this.#leave(key, owner)
    owner.users++
    this.#hold(1)
    try {
      await owner.slots.acquire(signal)
    } catch (error) {
      leave()
      throw error
    }
    const release = () => {
      owner.slots.release()
      leave()
    }
    try {
      const connection = this.#connection(end, owner, without)
      const link = await abortable(connection.connected, signal)
      this.#silent.delete(key)
      return { connection, link, release }
    } catch (error) {
      release()
      if (isDyadError(error, 'ERR_DYAD_OWNER_UNREACHABLE') && isTimeout(error.cause)) this.#silent.add(key)
      if (isDyadError(error) || signal.aborted) throw error
      throw unreachable(end, (error as Error).message, error)
    }
  }

  /** Drops every connection. */
  close(): void {
    if (this.#isClosed) return
    for (const { connection } of this.#owners.values()) connection?.close()
    this.#isClosed = true
    this.#adapters[Symbol.dispose]()
    this.#channel[Symbol.dispose]()
  }

  #owner(key: string): Owner {
    let owner = this.#owners.get(key)
    if (owner === undefined) {
      owner = { slots: new Slots(MAX_TRANSFERS), connection: undefined, users: 0 }
      this.#owners.set(key, owner)
    }
    return owner
  }

  #connection(end: End, owner: Owner, without: Connection | undefined): Connection {
    const open = owner.connection
    if (open !== undefined && !open.isGone && open !== without) return open
    if (this.#isClosed) throw new DyadError('ERR_DYAD_CLOSED')
    const connection = new Connection(end, this.#channel, this.#adapters, this.#options, (gone) => {
      if (owner.connection === gone) owner.connection = undefined
      this.#forget(`${end.host} ${end.port}`, owner)
    })
    owner.connection = connection
    return connection
  }

  #leave(key: string, owner: Owner): void {
    owner.users--
    this.#hold(-1)
    this.#forget(key, owner)
  }

  #forget(key: string, owner: Owner): void {
    if (owner.users === 0 && owner.connection === undefined && this.#owners.get(key) === owner) this.#owners.delete(key)
  }

  /** Without a transfer nothing here keeps the process alive. */
  #hold(change: number): void {
    this.#users += change
    if (this.#isClosed) return
    this.#channel.hold(this.#users > 0)
    this.#adapters.hold(this.#users > 0)
  }
}

function isTimeout(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT'
}

function unreachable({ host, port }: End, what: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: `${host} port ${port}: ${what}`, cause })
}
