import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { DtlMode } from '@dyad-ts/dyad'
import { Cluster } from '../harness/cluster.js'
import type { TestProcess } from '../harness/process.js'

/**
 * Milliseconds after which a transfer that stands still begins anew, and a lease expires. Both are
 * shorter than a long freeze.
 */
const PROGRESS_MS = 1_000
const LEASE_MS = 600

/** The processes that a fault may hit. */
export const VICTIMS = ['producer', 'producer-service', 'broker', 'consumer', 'consumer-service'] as const
export type Victim = (typeof VICTIMS)[number]

/**
 * A broker, two nodes and two applications, each a process that a test kills, freezes and starts
 * again.
 */
export class Site implements AsyncDisposable {
  readonly cluster: Cluster
  readonly #dtlMode: DtlMode
  readonly #processes = new Map<Victim, TestProcess>()
  readonly #endings: (() => unknown)[]

  private constructor(cluster: Cluster, dtlMode: DtlMode, endings: (() => unknown)[]) {
    this.cluster = cluster
    this.#dtlMode = dtlMode
    this.#endings = endings
  }

  static async start(dtlMode: DtlMode): Promise<Site> {
    const endings: (() => unknown)[] = []
    const cluster = await Cluster.prepare({ teardown: (work) => endings.push(work) }, { leaseTtl: LEASE_MS })
    const site = new Site(cluster, dtlMode, endings)
    try {
      await site.startAgain('broker')
      await cluster.createNamespace()
      await Promise.all(VICTIMS.filter((victim) => victim !== 'broker').map((victim) => site.startAgain(victim)))
    } catch (error) {
      await site[Symbol.asyncDispose]()
      throw error
    }
    return site
  }

  process(victim: Victim): TestProcess {
    const found = this.#processes.get(victim)
    if (found === undefined) throw new Error(`no ${victim} runs`)
    return found
  }

  /** Starts the process, as after its death, and puts it in the place of the former. */
  async startAgain(victim: Victim): Promise<TestProcess> {
    const started = await this.#start(victim)
    this.#processes.set(victim, started)
    return started
  }

  /** Another application of the consumer's node. */
  anotherConsumer(): Promise<TestProcess> {
    return this.cluster.consumer({ dtlMode: this.#dtlMode, progressTimeout: PROGRESS_MS })
  }

  /** SHA-256 of a file in the consumer's directory. */
  async digestAtConsumer(path: string): Promise<string> {
    const hash = createHash('sha256')
    await pipeline(createReadStream(this.cluster.path('b', path)), hash)
    return hash.digest('hex')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#endings.reverse()) await end()
    await rm(this.cluster.root, { recursive: true, force: true })
  }

  #start(victim: Victim): Promise<TestProcess> {
    switch (victim) {
      case 'producer':
        return this.cluster.producer()
      case 'consumer':
        return this.anotherConsumer()
      case 'broker':
        return this.cluster.node('K', { broker: true, data: this.cluster.path('data'), directories: [] })
      case 'producer-service':
        return this.cluster.node('A', { leaseTtl: LEASE_MS })
      case 'consumer-service':
        return this.cluster.node('B', { leaseTtl: LEASE_MS })
    }
  }
}
