import { DyadError, isDyadError } from '@dyad-ts/core'
import { abortable, SilentServers, Slots } from '@dyad-ts/core/internal'
import { EventChannel } from '../verbs/connection-manager.js'
import type { Verbs } from '../verbs/library.js'
import { Adapters } from './adapter.js'
import type { End } from './address.js'
import { Connection, type ConnectionOptions } from './connection.js'
import type { Link } from './link.js'

/** Most transfers from one owner at once. Others wait for their turn. */
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
  /** Number of transfers that have a place, or wait for one. */
  users: number
}

/**
 * Connections by owner, one for all transfers from there. The pool keeps it open after a transfer,
 * and makes a new one when it is gone.
 */
export class Pool {
  readonly #options: ConnectionOptions
  readonly #channel: EventChannel
  readonly #adapters: Adapters
  readonly #owners = new Map<string, Owner>()
  readonly #silent = new SilentServers()
  #users = 0
  #isHeld = true
  #isClosed = false

  /** Makes a pool without connections. VerbError. */
  constructor(verbs: Verbs, options: ConnectionOptions, busyMs: number) {
    this.#options = options
    this.#channel = new EventChannel(verbs)
    this.#adapters = new Adapters(verbs, busyMs)
    this.#holdAll(false)
  }

  /** Returns a place on the open connection to `end`, or undefined if there is none. */
  take(end: End): Lease | undefined {
    const key = keyOf(end)
    const owner = this.#owners.get(key)
    const connection = owner?.connection
    const link = connection?.link
    if (owner === undefined || connection === undefined || link === undefined || link.isGone) return undefined
    if (!owner.slots.tryAcquire()) return undefined
    owner.users++
    this.#hold(1)
    return this.#lease(key, owner, connection, link)
  }

  /**
   * Resolves with a place on the connection to `end`. Makes a connection if there is none, or none
   * but `without`. ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_DENIED, ERR_DYAD_RDMA_UNAVAILABLE, or the
   * signal's reason.
   */
  async acquire(end: End, without: Connection | undefined, signal: AbortSignal): Promise<Lease> {
    const key = keyOf(end)
    if (this.#silent.has(key)) throw unreachable(end, 'it did not answer the last time')
    const owner = this.#owner(key)
    owner.users++
    this.#hold(1)
    try {
      await owner.slots.acquire(signal)
    } catch (error) {
      this.#leave(key, owner)
      throw error
    }
    try {
      const connection = this.#connection(end, owner, without)
      const link = await abortable(connection.connected, signal)
      this.#silent.delete(key)
      return this.#lease(key, owner, connection, link)
    } catch (error) {
      owner.slots.release()
      this.#leave(key, owner)
      if (isDyadError(error, 'ERR_DYAD_OWNER_UNREACHABLE') && isTimeout(error.cause)) this.#silent.add(key)
      if (isDyadError(error) || signal.aborted) throw error
      throw unreachable(end, (error as Error).message, error)
    }
  }

  /** Ends every connection. */
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
      this.#forget(keyOf(end), owner)
    })
    owner.connection = connection
    return connection
  }

  #lease(key: string, owner: Owner, connection: Connection, link: Link): Lease {
    const release = () => {
      owner.slots.release()
      this.#leave(key, owner)
    }
    return { connection, link, release }
  }

  #leave(key: string, owner: Owner): void {
    owner.users--
    this.#hold(-1)
    this.#forget(key, owner)
  }

  #forget(key: string, owner: Owner): void {
    if (owner.users === 0 && owner.connection === undefined && this.#owners.get(key) === owner) this.#owners.delete(key)
  }

  /**
   * Lets the pool keep the process alive while there are transfers. Between the transfers of a
   * consumer that fetches one file after the other, it does not let go.
   */
  #hold(change: number): void {
    this.#users += change
    if (this.#users > 0) this.#holdAll(true)
    else if (this.#isHeld) setImmediate(() => this.#holdAll(this.#users > 0))
  }

  #holdAll(isHeld: boolean): void {
    if (this.#isClosed || this.#isHeld === isHeld) return
    this.#isHeld = isHeld
    this.#channel.hold(isHeld)
    this.#adapters.hold(isHeld)
  }
}

/** Returns the key of an owner. */
function keyOf({ host, port }: End): string {
  return `${host} ${port}`
}

function isTimeout(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT'
}

function unreachable({ host, port }: End, what: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: `${host} port ${port}: ${what}`, cause })
}
