import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import {
  DyadError,
  encodeNodeEntry,
  type KvsClient,
  ManagedSource,
  type NodeEntry,
  type Registration,
  type Transport,
  type TransportServer,
} from '@dyad/core'

/** What a service is made of. The store and the transports stay the caller's to close. */
export interface ServiceOptions {
  /** Id of the node that it serves. */
  node: string
  /** Managed directories to serve; made if they are missing. */
  directories: readonly string[]
  kvs: KvsClient
  /** What to serve over. */
  transports: readonly Transport[]
  /** Milliseconds that the node stays registered after the last sign of life. */
  leaseTtl: number
  /** Ends the start early; it rejects with the signal's reason. @default none */
  signal?: AbortSignal | undefined
}

/** A node's service, running. Whoever started it closes it. */
export class Service implements AsyncDisposable {
  /** What is registered for the node. */
  readonly entry: NodeEntry
  readonly #servers: readonly TransportServer[]
  readonly #registration: Registration
  #closed: Promise<void> | undefined

  private constructor(entry: NodeEntry, servers: readonly TransportServer[], registration: Registration) {
    this.entry = entry
    this.#servers = servers
    this.#registration = registration
  }

  /**
   * Serves the directories and registers the node, from when on its files can be fetched. ERR_DYAD_SYSTEM if a directory cannot be used, ERR_DYAD_BIND,
   * ERR_DYAD_KVS_UNREACHABLE.
   */
  static async start({ node, directories, kvs, transports, leaseTtl, signal }: ServiceOptions): Promise<Service> {
    const source = await openSource(directories, node)
    const servers: TransportServer[] = []
    try {
      for (const transport of transports) servers.push(await transport.serve(source))
      const entry: NodeEntry = {
        node,
        transports: transports.map(({ name }, i) => ({ name, address: (servers[i] as TransportServer).address })),
        directories: source.directories.map(({ path }) => path),
        host: hostname(),
        pid: process.pid,
        startedAt: Date.now(),
      }
      const registration = await kvs.register(node, encodeNodeEntry(entry), { ttl: leaseTtl, signal })
      return new Service(entry, servers, registration)
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()))
      throw error
    }
  }

  /** Fires when another service registered the node; the reason is a DyadError ERR_DYAD_NODE_TAKEN. */
  get lost(): AbortSignal {
    return this.#registration.lost
  }

  /** Takes the node out of the registry, then ends the transfers under way. Closing twice is no error. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    try {
      await this.#registration.close()
    } finally {
      await Promise.all(this.#servers.map((server) => server.close()))
    }
  }
}

async function openSource(directories: readonly string[], node: string): Promise<ManagedSource> {
  try {
    await Promise.all(directories.map((directory) => mkdir(directory, { recursive: true })))
    return await ManagedSource.open(directories)
  } catch (cause) {
    throw cause instanceof DyadError ? cause : new DyadError('ERR_DYAD_SYSTEM', { node, cause })
  }
}
