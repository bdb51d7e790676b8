import { type ChildProcess, fork } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KvsSite } from '@dyad-ts/core/conformance'
import { endOf, messageFrom } from '../../../test/harness/child.js'
import { type BrokerOptions, brokerKvs } from '../src/index.js'

// The modules of the test runner cost seconds in each other process.
const PLAIN = { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } }
const PREFIX = join(tmpdir(), 'dyad-kvs-')
const file = (name: string) => new URL(`processes/${name}`, import.meta.url)

/** A broker in another process. */
export class BrokerProcess implements AsyncDisposable {
  url = ''
  #port = 0
  #child: ChildProcess | undefined
  readonly #options: BrokerOptions

  private constructor(options: BrokerOptions) {
    this.#options = options
  }

  static async start(options: BrokerOptions = {}, clock?: number): Promise<BrokerProcess> {
    const broker = new BrokerProcess(options)
    await broker.start(clock)
    return broker
  }

  /**
   * Starts it, at its former port.
   * @param clock time of its clock as long as it runs, in ms since 1970
   */
  async start(clock?: number): Promise<void> {
    const options = { ...this.#options, port: this.#port }
    const set = `Object.defineProperty(performance,'timeOrigin',{get:()=>${clock}-performance.now()})`
    const execArgv = clock === undefined ? [] : [`--import=data:text/javascript,${encodeURIComponent(set)}`]
    this.#child = fork(file('broker.mjs'), [JSON.stringify(options)], { ...PLAIN, execArgv })
    const { port, url } = await messageFrom<{ port: number; url: string }>(this.#child)
    this.#port = port
    this.url = url
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Whether this process stays alive for the broker, which otherwise ends with it. */
  hold(keepsProcessAlive: boolean): void {
    if (keepsProcessAlive) {
      this.#child?.ref()
      this.#child?.channel?.ref()
    } else {
      this.#child?.unref()
      this.#child?.channel?.unref()
    }
  }

  /** Kills it with SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return
    child.kill('SIGKILL')
    await endOf(child)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

/** A directory that is removed when its test ends. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(PREFIX)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Forks a file of `processes/`. Node gets `execArgv`. */
export function forkProcess(name: string, args: string[], execArgv: string[] = []): ChildProcess {
  return fork(file(name), args, { ...PLAIN, execArgv, serialization: 'advanced' })
}

const directories: string[] = []
process.once('exit', () => {
  for (const path of directories) rmSync(path, { recursive: true, force: true })
})

async function lastingDirectory(): Promise<string> {
  const path = await mkdtemp(PREFIX)
  directories.push(path)
  return path
}

const spare: Record<'durable' | 'memory', BrokerProcess[]> = { durable: [], memory: [] }

/**
 * A broker in its own process, for a clause of the conformance suite. It is emptied for the next
 * clause.
 */
export async function brokerSite(durable: boolean): Promise<KvsSite> {
  const pool = spare[durable ? 'durable' : 'memory']
  const broker = pool.pop() ?? (await BrokerProcess.start(durable ? { data: await lastingDirectory() } : {}))
  broker.hold(true)
  const observer = brokerKvs({ url: broker.url })
  return {
    client: () => brokerKvs({ url: broker.url }),
    waiters: async () => (await observer.stats()).waiters,
    fork: () => forkProcess('peer.mjs', [broker.url]),
    async restart() {
      await broker.kill()
      await broker.start()
    },
    async close() {
      for (const name of await observer.listNamespaces()) await observer.removeNamespace(name)
      await observer.close()
      broker.hold(false)
      pool.push(broker)
    },
  }
}
