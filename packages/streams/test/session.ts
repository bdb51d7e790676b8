import { fstatSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DyadCore, type DyadCoreOptions, ManagedSource } from '@dyad-ts/core'
import { encodeNodeEntry } from '@dyad-ts/core/internal'
import { MemoryStore, memoryKvs } from '@dyad-ts/kvs-client'
import { localTransport } from '@dyad-ts/transport'

/** Two nodes and a store in one process. `consumer` fetches the files that `producer` publishes. */
export class TwoNodes implements AsyncDisposable {
  readonly #made: AsyncDisposable[] = []
  readonly #store = new MemoryStore()
  readonly kvs = this.#own(memoryKvs({ store: this.#store }))
  readonly root: string
  readonly produced: string
  readonly consumed: string

  /** Not below `root`: services and locks have files open there. */
  get #state(): string {
    return join(dirname(this.root), `state-of-${basename(this.root)}`)
  }

  private constructor(root: string) {
    this.root = root
    this.produced = join(root, 'prod')
    this.consumed = join(root, 'cons')
  }

  static async open(): Promise<TwoNodes> {
    const nodes = new TwoNodes(await mkdtemp(join(tmpdir(), 'dyad-streams-')))
    await nodes.kvs.createNamespace('test')
    return nodes
  }

  /** A session on the node that serves the producer's directory. */
  async producer(options: Partial<DyadCoreOptions> = {}): Promise<DyadCore> {
    return this.node('p', { producerPath: this.produced, ...options })
  }

  /** A session on a node with a directory of its own. */
  async consumer(options: Partial<DyadCoreOptions> = {}): Promise<DyadCore> {
    return this.node('c', { consumerPath: this.consumed, ...options })
  }

  /** Opens a session on a node that serves its own files. */
  async node(node: string, options: Partial<DyadCoreOptions>): Promise<DyadCore> {
    const transport = localTransport({ stateDir: join(this.#state, 'transport') })
    const core = new DyadCore({
      kvs: this.kvs,
      transports: [transport],
      namespace: 'test',
      node,
      stateDir: join(this.#state, node),
      ...options,
    })
    if (options.producerPath !== undefined) {
      await core.locateProduced('made')
      const source = await ManagedSource.open([options.producerPath])
      const server = this.#own(await transport.serve(source))
      const directories = source.directories.map(({ path }) => path)
      const entry = encodeNodeEntry({
        node,
        transports: [{ name: transport.name, address: server.address }],
        directories,
        host: 'here',
        pid: process.pid,
        startedAt: 0,
      })
      this.#own(await this.kvs.register(node, entry, { ttl: 60_000 }))
    }
    this.#own(transport)
    return this.#own(core)
  }

  /** Returns the number of waits in the store. */
  async waiters(): Promise<number> {
    return (await this.kvs.stats()).waiters
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#made.reverse()) await thing[Symbol.asyncDispose]()
    await rm(this.root, { recursive: true })
    await rm(this.#state, { recursive: true, force: true })
  }

  /** Removes the files at once, when there is no time to close anything. */
  remove(): void {
    rmSync(this.root, { recursive: true })
    rmSync(this.#state, { recursive: true, force: true })
  }

  #own<Thing extends AsyncDisposable>(thing: Thing): Thing {
    this.#made.push(thing)
    return thing
  }
}

/** Returns the names in a directory and below, temporary ones too. */
export async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort()
}

/**
 * Returns the files below a directory that this process has open; none where the system does not
 * list them.
 */
export function openFilesIn(directory: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      // A sweep looks through a directory.
      return path.startsWith(directory) && !fstatSync(Number(fd)).isDirectory() ? [path] : []
    } catch {
      // The descriptor that listed them is closed by now.
      return []
    }
  })
}
