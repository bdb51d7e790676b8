import { type ChildProcess, fork, type StdioOptions } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { agentPath } from '@dyad-ts/core/internal'
import { outcomeOf } from '../../../test/harness/child.js'
import { Cluster, TOKEN } from '../../../test/harness/cluster.js'
import type { TestProcess } from '../../../test/harness/process.js'
import type { Teardown } from '../../../test/harness/teardown.js'

/** The value of `--import`. */
export const REGISTER = pathToFileURL(createRequire(import.meta.url).resolve('@dyad-ts/dyad/register')).href

/** Options of a started program. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly execArgv?: readonly string[]
  readonly cwd?: string
  readonly stdio?: StdioOptions
}

/**
 * Two nodes with their agents. Programs of A write into the directory `a`, programs of B read in
 * `b`.
 */
export class TwoAgents {
  readonly cluster: Cluster
  readonly a: TestProcess
  readonly b: TestProcess
  readonly #t: Teardown

  private constructor(t: Teardown, cluster: Cluster, a: TestProcess, b: TestProcess) {
    this.#t = t
    this.cluster = cluster
    this.a = a
    this.b = b
  }

  static async start(t: Teardown): Promise<TwoAgents> {
    const { cluster, a } = await Cluster.start(t)
    const b = await cluster.node('B', { directories: [cluster.directory('b')] })
    return new TwoAgents(t, cluster, a, b)
  }

  /** Returns the variables of a program of a node. */
  environment(node: 'A' | 'B'): Record<string, string> {
    return {
      DYAD_KVS: this.cluster.kvs,
      DYAD_KVS_NAMESPACE: 'flow',
      DYAD_TOKEN: TOKEN,
      DYAD_STATE_DIR: this.cluster.path('state'),
      DYAD_NODE: node,
      // A file that is never published fails a test, without a long wait.
      DYAD_TIMEOUT: '20000',
      ...(node === 'A'
        ? { DYAD_PATH_PRODUCER: this.cluster.directory('a') }
        : { DYAD_PATH_CONSUMER: this.cluster.directory('b') }),
    }
  }

  /** Returns the path of a node's agent. */
  agent(node: 'A' | 'B'): string {
    return agentPath(this.cluster.path('state'), node)
  }

  /** Starts a program of the folder `programs` on a node, which takes part. */
  start(node: 'A' | 'B', program: string, args: readonly string[], options: StartOptions = {}): ChildProcess {
    const { env = {}, execArgv = ['--import', REGISTER] } = options
    return startPlain(this.#t, program, args, { ...options, env: { ...this.environment(node), ...env }, execArgv })
  }

  /** Runs a program of a node to its end. */
  run(node: 'A' | 'B', program: string, args: readonly string[], options: StartOptions = {}) {
    return outcomeOf(this.start(node, program, args, options))
  }
}

/** Starts a program without DYAD, unless its options say otherwise. */
export function startPlain(
  t: Teardown,
  program: string,
  args: readonly string[],
  { env = {}, execArgv = [], cwd, stdio = ['pipe', 'pipe', 'pipe', 'ipc'] }: StartOptions = {},
): ChildProcess {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('DYAD_') && name !== 'NODE_OPTIONS'),
  )
  const child = fork(fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url)), args, {
    env: { ...clean, ...env },
    execArgv: [...execArgv, `--import=${TSX}`],
    stdio,
    ...(cwd !== undefined && { cwd }),
  })
  t.teardown(() => {
    child.kill('SIGKILL')
  })
  return child
}

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
