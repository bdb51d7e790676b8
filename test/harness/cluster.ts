import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KvsClient } from '@dyad-ts/core'
import type { ConfigOptions, NodeStatus } from '@dyad-ts/dyad'
import { brokerKvs } from '@dyad-ts/kvs-client'
import { TestProcess } from './process.js'
import type { Teardown } from './teardown.js'

/**
 * The token of all parts of a cluster, unless a test gives another. No test uses the token of its
 * user.
 */
export const TOKEN = 'the token of all the tests'

/** Options of a node of a test beside those that the cluster gives it. */
export interface NodeOptions extends ConfigOptions {
  directories?: string[]
  broker?: boolean
  data?: string
}

/**
 * A few nodes and applications on real processes, with a directory of their own, all gone with the
 * test.
 */
export class Cluster {
  readonly root: string
  readonly kvs: string
  readonly #t: Teardown
  readonly #common: ConfigOptions

  private constructor(t: Teardown, root: string, port: number, common: ConfigOptions) {
    this.#t = t
    this.root = root
    this.kvs = `ws://127.0.0.1:${port}`
    this.#common = { kvs: this.kvs, stateDir: join(root, 'state'), ...common }
  }

  /**
   * A directory and a free port; nothing runs yet. `common` is given to every node and application.
   */
  static async prepare(t: Teardown, common: ConfigOptions = {}): Promise<Cluster> {
    const root = mkdtempSync(join(tmpdir(), 'dyad-flow-'))
    t.teardown(() => rmSync(root, { recursive: true, force: true }))
    return new Cluster(t, root, await freePort(), { namespace: 'flow', token: TOKEN, ...common })
  }

  /** The common case: node A, which hosts the store and serves `a`, and the namespace. */
  static async start(t: Teardown, common: ConfigOptions = {}): Promise<{ cluster: Cluster; a: TestProcess }> {
    const cluster = await Cluster.prepare(t, common)
    const a = await cluster.node('A', { broker: true })
    await cluster.createNamespace()
    return { cluster, a }
  }

  /** Absolute path of something in the cluster's directory. */
  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  /** A directory in the cluster's directory. */
  directory(name: string): string {
    const path = this.path(name)
    mkdirSync(path, { recursive: true })
    return path
  }

  /** Starts a node; it serves the directory of its name in lower case unless told otherwise. */
  async node(node: string, options: NodeOptions = {}, env: Record<string, string> = {}): Promise<TestProcess> {
    const process = await TestProcess.start(this.#t, 'node-process', env)
    const directories = options.directories ?? [this.directory(node.toLowerCase())]
    // The namespace is made by the test, so that some tests can do without.
    const given = { ...this.#common, namespace: undefined, leaseTtl: 2_000, node, ...options, directories }
    await process.ask<NodeStatus>('start', given)
    return process
  }

  async createNamespace(): Promise<void> {
    await using client = this.client()
    await client.createNamespace(this.#common.namespace as string)
  }

  /** A client of the store in the test's own process. Whoever asks for it closes it. */
  client(): KvsClient {
    return brokerKvs({ url: this.kvs, token: this.#common.token })
  }

  /**
   * Starts an application of a node, with these variables in its environment and through this
   * command, as TestProcess does.
   */
  async app(
    node: string,
    options: ConfigOptions,
    env: Record<string, string> = {},
    through: readonly string[] = [],
  ): Promise<TestProcess> {
    const process = await TestProcess.start(this.#t, 'app-process', env, [], through)
    await process.ask('connect', this.session(node, options))
    return process
  }

  /** Starts an application of a node that may have so many descriptors once it is loaded. */
  async limitedApp(descriptors: number, node: string, options: ConfigOptions): Promise<TestProcess> {
    const process = await TestProcess.start(this.#t, 'app-process')
    process.limitDescriptors(descriptors)
    await process.ask('connect', this.session(node, options))
    return process
  }

  /** All options of a session of a node, for an application that is to connect anew. */
  session(node: string, options: ConfigOptions): ConfigOptions {
    return { ...this.#common, node, ...options }
  }

  /** An application of node A that writes into `a`. */
  producer(options: ConfigOptions = {}): Promise<TestProcess> {
    return this.app('A', { producerPath: this.directory('a'), ...options })
  }

  /** An application of node B that reads in `b`. */
  consumer(options: ConfigOptions = {}): Promise<TestProcess> {
    return this.app('B', { consumerPath: this.directory('b'), ...options })
  }

  /** Every file below a directory of the cluster, temporary ones too, sorted. */
  files(name: string): string[] {
    return readdirSync(this.path(name), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(this.path(name).length + 1))
      .sort()
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
