import { DyadError, isDyadError } from '@dyad-ts/core'
import { abortable, type LiveTransfers } from '@dyad-ts/core/internal'
import { connect } from '@dyad-ts/wire'
import { RpcClient } from './client.js'
import { MAX_REPLY_BYTES } from './frames.js'

/** Options of {@link ClientPool}. */
export interface ClientPoolOptions {
  readonly token: string | undefined
  readonly ca: string | Buffer | undefined
  readonly idleMs: number
  /** Transfers under way, of all clients. */
  readonly live: LiveTransfers
}

interface Entry {
  readonly client: Promise<RpcClient>
  /** Ends the attempt to connect. */
  readonly abort: AbortController
  /** Number of fetches that wait for the connection. */
  waiting: number
  connected: boolean
}

/** One client for each server, which connects when it is first needed. */
export class ClientPool {
  readonly #options: ClientPoolOptions
  readonly #entries = new Map<string, Entry>()
  readonly #clients = new Set<RpcClient>()
  #closed = false

  constructor(options: ClientPoolOptions) {
    this.#options = options
  }

  /**
   * Runs `use` with the client for `url`. ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_DENIED,
   * ERR_DYAD_PROTOCOL, or the signal's reason.
   */
  async use<T>(url: string, signal: AbortSignal | undefined, use: (client: RpcClient) => Promise<T>): Promise<T> {
    for (;;) {
      const entry = this.#entries.get(url) ?? this.#begin(url)
      const client = await this.#wait(url, entry, signal)
      // The link may have broken since it opened. The next turn makes another.
      if (!client.retired) return use(client)
    }
  }

  /** Ends attempts to connect with ERR_DYAD_CLOSED, and closes every link. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = new DyadError('ERR_DYAD_CLOSED')
    const attempts = [...this.#entries.values()]
    for (const { abort } of attempts) abort.abort(closed)
    await Promise.allSettled(attempts.map(({ client }) => client))
    await Promise.all([...this.#clients].map((client) => client.close()))
  }

  async #wait(url: string, entry: Entry, signal: AbortSignal | undefined): Promise<RpcClient> {
    entry.waiting++
    try {
      return await abortable(entry.client, signal)
    } finally {
      entry.waiting--
      // The last fetch that gives up ends the attempt.
      if (entry.waiting === 0 && !entry.connected) {
        entry.abort.abort(signal?.reason)
        this.#drop(url, entry)
      }
    }
  }

  #begin(url: string): Entry {
    if (this.#closed) throw new DyadError('ERR_DYAD_CLOSED')
    const abort = new AbortController()
    const client = this.#connect(url, abort.signal, () => this.#drop(url, entry))
    const entry: Entry = { client, abort, waiting: 0, connected: false }
    client.then(
      () => {
        entry.connected = true
      },
      () => this.#drop(url, entry),
    )
    this.#entries.set(url, entry)
    return entry
  }

  #drop(url: string, entry: Entry): void {
    if (this.#entries.get(url) === entry) this.#entries.delete(url)
  }

  async #connect(url: string, signal: AbortSignal, retired: () => void): Promise<RpcClient> {
    const { token, ca, idleMs, live } = this.#options
    let client: RpcClient | undefined
    try {
      await connect(url, { token, audience: url, ca, signal, maxFrameBytes: MAX_REPLY_BYTES }, (link) => {
        const made = new RpcClient(link, idleMs, live, retired)
        this.#clients.add(made)
        client = made
        return {
          message: (bytes) => made.message(bytes),
          piece: (bytes, left) => made.piece(bytes, left),
          closed: (reason) => {
            this.#clients.delete(made)
            made.closed(reason)
          },
        }
      })
    } catch (cause) {
      if (isDyadError(cause) || signal.aborted) throw cause
      throw new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: `${url}: ${(cause as Error).message}`, cause })
    }
    if (client === undefined) throw new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: url })
    return client
  }
}
