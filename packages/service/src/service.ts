import { hostname } from 'node:os'
import { resolve } from 'node:path'
import {
  DyadError,
  isDyadError,
  type KvsClient,
  ManagedSource,
  type NodeEntry,
  type Registration,
  type Transport,
  type TransportAddress,
  type TransportServer,
} from '@dyad-ts/core'
import { makeTrustedDirectory } from '@dyad-ts/core/internal'
import { PROCESSES } from './processes.js'
import { type RegisterNodeOptions, registerNode, takenBy } from './register-node.js'

/** The parts of a service. The caller closes the store and the transports. */
export interface ServiceOptions extends RegisterNodeOptions {
  /** Id of the node. */
  node: string
  /** Managed directories to serve. Missing ones are made. */
  directories: readonly string[]
  kvs: KvsClient
  /** Transports to serve over. The service leaves out those that this host cannot use. */
  transports: readonly Transport[]
  /** Name of the transport that must not be left out. @default none */
  required?: string | undefined
  /**
   * 'host' if the store also serves other hosts, but none of them can reach this service.
   * @default undefined
   */
  reach?: 'host' | undefined
}

/** A transport that the service does not offer, since its host cannot use it. */
export interface LeftOut {
  readonly transport: string
  /** Message of the transport's error. */
  readonly reason: string
}

/** The running service of a node. The caller of `start` closes it. */
export class Service implements AsyncDisposable {
  /** The node's entry in the registry. */
  readonly entry: NodeEntry
  /** The transports that the service does not offer. */
  readonly unavailable: readonly LeftOut[]
  readonly #servers: readonly TransportServer[]
  readonly #registration: Registration
  readonly #lost = new AbortController()
  #closed: Promise<void> | undefined

  private constructor(
    entry: NodeEntry,
    unavailable: readonly LeftOut[],
    servers: readonly TransportServer[],
    registration: Registration,
    kvs: KvsClient,
  ) {
    this.entry = entry
    this.unavailable = unavailable
    this.#servers = servers
    this.#registration = registration
    const { lost } = registration
    lost.addEventListener('abort', async () => {
      const isTaken = isDyadError(lost.reason, 'ERR_DYAD_NODE_TAKEN')
      this.#lost.abort(isTaken ? await takenBy(kvs, entry.node, lost.reason) : lost.reason)
    })
  }

  /**
   * Serves the directories and registers the node. From then on other nodes can fetch its files.
   * ERR_DYAD_SYSTEM if a directory cannot be used, ERR_DYAD_BIND, ERR_DYAD_KVS_UNREACHABLE,
   * ERR_DYAD_NODE_TAKEN if another service holds the node, ERR_DYAD_RDMA_UNAVAILABLE if the
   * required transport cannot be used.
   */
  static async start(options: ServiceOptions): Promise<Service> {
    const { node, directories, kvs, transports, required, reach } = options
    const source = await openSource(directories, node)
    const servers: TransportServer[] = []
    const offered: { name: string; address: TransportAddress }[] = []
    const unavailable: LeftOut[] = []
    try {
      for (const transport of transports) {
        const { name } = transport
        try {
          const server = await transport.serve(source)
          servers.push(server)
          offered.push({ name, address: server.address })
        } catch (error) {
          if (name === required || !isDyadError(error, 'ERR_DYAD_RDMA_UNAVAILABLE')) throw error
          unavailable.push({ transport: name, reason: error.message })
        }
      }
      const entry: NodeEntry = {
        node,
        transports: offered,
        directories: source.directories.map(({ path }) => path),
        host: hostname(),
        pid: process.pid,
        ...(PROCESSES && { processes: PROCESSES }),
        ...(reach && { reach }),
        startedAt: Date.now(),
      }
      const registration = await registerNode(kvs, entry, options)
      return new Service(entry, unavailable, servers, registration, kvs)
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()))
      throw error
    }
  }

  /**
   * Fires when the node is no longer registered. If another service took it over, the reason is a
   * DyadError ERR_DYAD_NODE_TAKEN that names that service.
   */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /**
   * Removes the node from the registry, then ends the transfers under way. Closing twice is no
   * error.
   */
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
    for (const directory of directories) makeTrustedDirectory(resolve(directory))
    return await ManagedSource.open(directories)
  } catch (cause) {
    throw cause instanceof DyadError ? cause : new DyadError('ERR_DYAD_SYSTEM', { node, cause })
  }
}
