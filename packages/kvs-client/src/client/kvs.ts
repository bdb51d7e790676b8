import {
  DyadError,
  isNamespaceName,
  type KvsCapabilities,
  type KvsClient,
  type KvsNamespace,
  type KvsOutage,
  type KvsReader,
  type RegisterOptions,
  type Registration,
  type Waiting,
} from '@dyad-ts/core'
import { milliseconds } from '@dyad-ts/core/internal'
import type { Awaited, BrokerStats } from '../broker/messages.js'
import { checkKey, checkValue } from '../key-bounds.js'
import { call, unexpected } from './call.js'
import type { Connection } from './connection.js'
import { EntryStream } from './entry-stream.js'
import { HeldRegistration } from './held-registration.js'
import { Namespace, Reader } from './reader.js'

/** A client over one connection to a broker, in this process or another. */
export class BrokerClient implements KvsClient {
  readonly id: string
  readonly registry: KvsReader
  readonly #connection: Connection
  readonly #capabilities: Omit<KvsCapabilities, 'durable'>
  readonly #registrations = new Set<HeldRegistration>()
  #closing: Promise<void> | undefined

  constructor(id: string, connection: Connection, capabilities: Omit<KvsCapabilities, 'durable'>) {
    this.id = id
    this.#connection = connection
    this.#capabilities = capabilities
    this.registry = new Reader(connection, null)
  }

  /** `durable` is known after the broker's first answer. */
  get capabilities(): KvsCapabilities {
    return { ...this.#capabilities, durable: this.#connection.durable }
  }

  get outage(): KvsOutage | undefined {
    return this.#connection.outage
  }

  onOutage(told: (outage: KvsOutage | undefined) => void): () => void {
    return this.#connection.onOutage(told)
  }

  namespace(name: string): KvsNamespace {
    checkName(name)
    return new Namespace(this.#connection, name)
  }

  async createNamespace(name: string, options: Waiting = {}): Promise<void> {
    checkName(name)
    const { signal } = options
    await call(
      this.#connection,
      { op: 'create', id: 0, name, nonce: crypto.randomUUID() },
      { signal, result: () => {} },
    )
  }

  async listNamespaces(options: Waiting = {}): Promise<string[]> {
    const names: string[] = []
    for await (const { key } of new EntryStream(this.#connection, { op: 'namespaces' }, options.signal)) names.push(key)
    return names.sort()
  }

  async removeNamespace(name: string, options: Waiting = {}): Promise<void> {
    checkName(name)
    const { signal } = options
    this.#connection.leases.overwrite(name)
    await call(this.#connection, { op: 'remove', id: 0, name }, { signal, result: () => {} })
  }

  async register(key: string, value: Uint8Array, options: RegisterOptions): Promise<Registration> {
    checkKey(key)
    checkValue(value)
    const lasting = { ...options, ttl: milliseconds('ttl', options.ttl, 1) }
    const registration = new HeldRegistration(this.#connection, key, value, lasting, this.#registrations)
    await registration.begin()
    return registration
  }

  /** Returns counts of the broker's contents. */
  async stats(options: Waiting = {}): Promise<BrokerStats> {
    return (await this.inspect(options)).stats
  }

  /**
   * Returns the counts, and from the same moment keys of namespaces that have waiters: the first
   * ones, where there are many.
   */
  inspect({ signal }: Waiting = {}): Promise<{ stats: BrokerStats; awaited: Awaited[] }> {
    return call(
      this.#connection,
      { op: 'stats', id: 0 },
      {
        signal,
        result(reply) {
          if (reply.op !== 'stats') throw unexpected(reply)
          return { stats: reply.stats, awaited: reply.awaited ?? [] }
        },
      },
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    // Releases are sent before the link ends. Without a link, registrations expire.
    const releases = [...this.#registrations].map((registration) => registration.close())
    await this.#connection.close()
    await Promise.all(releases)
  }
}

function checkName(name: string): void {
  if (!isNamespaceName(name)) throw new DyadError('ERR_DYAD_NAMESPACE_NAME', { namespace: String(name) })
}
