import { DTL_MODES } from '@dyad-ts/core'
import { type ConfigOptions, connect, type DtlMode, type StartOptions } from '@dyad-ts/dyad'
import type { Child, RemoteError } from './child.js'
import { type BenchFile, writeContents } from './contents.js'
import { NotAvailable } from './part.js'
import type { Site } from './site.js'

/** Options of a session or a node. Some of them may be of a DYAD that is still to come. */
export type Options = ConfigOptions & Readonly<Record<string, unknown>>

/** The best transport between hosts that this DYAD has. */
export const NETWORK_MODE: DtlMode = Object.hasOwn(DTL_MODES, 'tcp') ? 'tcp' : 'rpc'

/**
 * Nodes on this host: A, which hosts the store and owns what is published, and applications of it
 * and of others.
 */
export class Nodes {
  /** The service of node A. */
  readonly owner: Child
  /** The producer-managed directory of node A. */
  readonly produced: string
  readonly #site: Site
  readonly #common: Options

  private constructor(site: Site, owner: Child, produced: string, common: Options) {
    this.#site = site
    this.owner = owner
    this.produced = produced
    this.#common = common
  }

  /** Starts node A. `common` is given to every node and session. */
  static async start(site: Site, common: Options = {}): Promise<Nodes> {
    const produced = site.empty('a')
    const given = { stateDir: site.path('state'), namespace: 'bench', ...common }
    const owner = await site.fork('node')
    const kvs = await started(owner, {
      ...given,
      node: 'A',
      kvs: `ws://${common.host ?? '127.0.0.1'}:0`,
      broker: true,
      directories: [produced],
    })
    return new Nodes(site, owner, produced, { ...given, kvs })
  }

  /** Starts the service of another node, which serves the directory of its name in lower case. */
  async node(name: string): Promise<Child> {
    const service = await this.#site.fork('node')
    await started(service, { ...this.#common, node: name, directories: [this.#site.empty(name.toLowerCase())] })
    return service
  }

  /** The variables by which a program of a node takes part, less its directories. */
  environment(node: string): NodeJS.ProcessEnv {
    const { kvs, namespace, stateDir } = this.#common
    return { DYAD_NODE: node, DYAD_KVS: kvs, DYAD_KVS_NAMESPACE: namespace, DYAD_STATE_DIR: stateDir }
  }

  /** Starts an application of node A that produces. */
  async producer(options: Options = {}): Promise<Child> {
    const producer = await this.#site.fork('producer')
    await connected(producer, { ...this.#common, node: 'A', producerPath: this.produced, ...options })
    return producer
  }

  /**
   * Starts an application that consumes, on node B unless told otherwise, into the directory of the
   * node's name in lower case.
   */
  async consumer(options: Options = {}): Promise<Child> {
    const consumer = await this.#site.fork('consumer')
    await this.reconnect(consumer, options)
    return consumer
  }

  /** Gives a consumer a new session and an empty directory. */
  async reconnect(consumer: Child, options: Options = {}): Promise<void> {
    const node = options.node ?? 'B'
    const consumerPath = this.#site.empty(node.toLowerCase())
    await connected(consumer, { ...this.#common, node, consumerPath, ...options })
  }

  /**
   * Removes the files of the producer-managed directory and of those of other nodes. What was
   * published is gone then.
   */
  clear(directories: readonly string[]): void {
    for (const name of ['a', ...directories]) this.#site.empty(name)
  }

  /**
   * Makes files in the producer-managed directory and publishes them, many at once: from this
   * process, since it is no part of what is measured.
   */
  async publish(files: readonly BenchFile[], { sparse = false } = {}): Promise<void> {
    for (const file of files) writeContents(this.produced, file, sparse)
    await using core = await connect({ ...this.#common, node: 'A', producerPath: this.produced })
    const queue = files.values()
    const worker = async () => {
      for (const { path } of queue) await core.produce(path, { signal: this.#site.signal })
    }
    await Promise.all(Array.from({ length: 16 }, worker))
  }
}

async function started(service: Child, options: Options & StartOptions): Promise<string> {
  return service.ask<string>('start', options).catch(asNotAvailable)
}

async function connected(application: Child, options: Options): Promise<void> {
  await application.ask('connect', options).catch(asNotAvailable)
}

/**
 * A transport or an option that there is none of, or a transport that this host cannot use, is
 * lacking; everything else is a failure.
 */
export function asNotAvailable(error: RemoteError): never {
  if (error.code === 'ERR_DYAD_RDMA_UNAVAILABLE') throw new NotAvailable(error.message)
  const lack = error.code === 'ERR_DYAD_DTL_MODE' ? /'(\w+)' is none of/ : /(\w+) \(there is no such option\)/
  const name = lack.exec(error.message)?.[1]
  if (name === undefined) throw error
  throw new NotAvailable(
    `this DYAD has no ${error.code === 'ERR_DYAD_DTL_MODE' ? 'transport' : 'option'} '${name}' yet`,
  )
}
