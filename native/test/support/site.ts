import { spawn } from 'node:child_process'
import { Cluster, TOKEN } from '../../../test/harness/cluster.js'
import type { TestProcess } from '../../../test/harness/process.js'
import type { Teardown } from '../../../test/harness/teardown.js'
import { LIBRARY } from './probe.js'
import type { Ended, Running } from './running.js'
import { Steps } from './steps.js'

/** Two nodes: programs of A produce in `a`, those of B consume in `b`, all of them unmodified. */
export class Site {
  readonly #t: Teardown

  private constructor(
    t: Teardown,
    readonly cluster: Cluster,
    readonly a: TestProcess,
    readonly b: TestProcess,
  ) {
    this.#t = t
  }

  static async start(t: Teardown): Promise<Site> {
    const { cluster, a } = await Cluster.start(t)
    cluster.directory('a')
    cluster.directory('b')
    const b = await cluster.node('B')
    return new Site(t, cluster, a, b)
  }

  /** The environment of a program of a node; `more` wins, and undefined removes. */
  env(node: string, more: Record<string, string | undefined> = {}): Record<string, string> {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('DYAD_'))
    const all: Record<string, string | undefined> = {
      ...Object.fromEntries(inherited),
      LD_PRELOAD: LIBRARY,
      DYAD_KVS: this.cluster.kvs,
      DYAD_KVS_NAMESPACE: 'flow',
      DYAD_TOKEN: TOKEN,
      DYAD_NODE: node,
      DYAD_STATE_DIR: this.cluster.path('state'),
      ...more,
    }
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
  }

  /** Starts a program that writes in `a`. */
  produce(command: string, args: string[], more: Record<string, string | undefined> = {}): Running {
    return this.run(command, args, this.env('A', { DYAD_PATH_PRODUCER: this.cluster.directory('a'), ...more }))
  }

  /** Starts a program that reads in `b`. */
  consume(command: string, args: string[], more: Record<string, string | undefined> = {}): Running {
    return this.run(command, args, this.env('B', { DYAD_PATH_CONSUMER: this.cluster.directory('b'), ...more }))
  }

  /** Starts a program with exactly this environment; it is killed with the test. */
  run(command: string, args: string[], env: Record<string, string>): Running {
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'], cwd: this.cluster.root })
    this.#t.teardown(() => child.kill('SIGKILL'))
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
    })
    return { child, ended }
  }

  /** A program that produces in `a`, step by step. */
  producer(more: Record<string, string | undefined> = {}): Steps {
    return new Steps((command, args) => this.produce(command, args, more))
  }

  /** A program that consumes in `b`, step by step. */
  consumer(more: Record<string, string | undefined> = {}): Steps {
    return new Steps((command, args) => this.consume(command, args, more))
  }

  /** Where a file of node A is, and where it is on node B. */
  paths(name: string): [a: string, b: string] {
    return [this.cluster.path('a', name), this.cluster.path('b', name)]
  }

  /** How often a file was published. */
  async published(name: string): Promise<number> {
    // Whatever the node has told of comes before its answer.
    await this.a.ask('status')
    const published = this.a.notes<{ record: { path: string } }>('dyad.producer.published')
    return published.filter(({ record }) => record.path === name).length
  }

  /** Resolves once a program of node B waits for a file. */
  waiting(name: string): Promise<unknown> {
    return this.b.noted<{ path?: string }>('dyad.kvs.waiting', ({ path }) => path === name)
  }
}
