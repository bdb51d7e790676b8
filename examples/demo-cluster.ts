// Two nodes on this host for the demo, and the programs that run on them. Each is a process of its
// own.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { NodeStatus } from '@dyad-ts/dyad'
import type { Arrival, Report } from './demo-report.js'

const COMMAND = fileURLToPath(new URL('../bin/dyad.js', import.meta.resolve('@dyad-ts/dyad')))
const REPORT = new URL('demo-report.js', import.meta.url).href

const interrupt = new AbortController()
/** Fires on Ctrl-C. */
export const interruption: AbortSignal = interrupt.signal
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort(name))

// These variables choose how bytes travel, so the demo takes them from its user. It ignores the
// others, which belong to the user's own runs.
const TAKEN = ['DYAD_HOST', 'DYAD_TOKEN', 'DYAD_DTL_MODE', 'DYAD_INLINE_LIMIT']

function isForTheDemo(variable: string): boolean {
  return TAKEN.includes(variable) || !variable.startsWith('DYAD_')
}

/** A running program. */
export interface Running {
  /** Resolves when the program waits for a file that is not published yet. */
  readonly waiting: Promise<void>
  /** Resolves when the program has ended well; rejects if it failed. */
  readonly ended: Promise<void>
}

/** The nodes, by name with the directories that each serves. The first one hosts the store. */
export class Cluster implements AsyncDisposable {
  readonly #children = new Set<ChildProcess>()
  readonly #env = Object.fromEntries(Object.entries(process.env).filter(([name]) => isForTheDemo(name)))
  #namespaces = 0

  private constructor(stateDir: string) {
    this.#env['DYAD_STATE_DIR'] = stateDir
    this.#env['XDG_CONFIG_HOME'] = stateDir
    this.#env['DYAD_KVS'] = `ws://${this.#env['DYAD_HOST'] || '127.0.0.1'}:0`
    // With read ahead, files would arrive before the program opens them, in another order.
    this.#env['DYAD_READ_AHEAD'] = '0'
    interruption.addEventListener('abort', this.#kill)
  }

  static async start(stateDir: string, nodes: Readonly<Record<string, readonly string[]>>): Promise<Cluster> {
    const cluster = new Cluster(stateDir)
    try {
      for (const [i, [node, directories]] of Object.entries(nodes).entries()) {
        const { kvs, pid } = await cluster.#startNode(node, [...(i === 0 ? ['--broker'] : []), ...directories])
        cluster.#env['DYAD_KVS'] = kvs
        console.log(`${node} runs as process ${pid}${i === 0 ? `, and hosts the store at ${kvs}` : ''}`)
      }
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Creates a namespace that nobody used before. */
  async createNamespace(): Promise<string> {
    const name = `demo-${++this.#namespaces}`
    await this.command(['namespace', 'create', name]).ended
    return name
  }

  /** Runs an example. `arrived` is called for each file that it consumes, in their order. */
  example(
    name: string,
    args: readonly string[],
    variables: NodeJS.ProcessEnv,
    arrived?: (file: Arrival) => void,
  ): Running {
    return this.#run(name, fileURLToPath(new URL(`${name}.js`, import.meta.url)), args, variables, arrived)
  }

  /** Runs the command `dyad`. */
  command(args: readonly string[], variables: NodeJS.ProcessEnv = {}, arrived?: (file: Arrival) => void): Running {
    return this.#run(`dyad ${args[0]}`, COMMAND, args, variables, arrived)
  }

  /** Ends every process, the last one first: the first node hosts the store of the others. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children].reverse()) {
      const end = once(child, 'close')
      child.kill()
      await end
    }
    interruption.removeEventListener('abort', this.#kill)
  }

  #run(
    name: string,
    program: string,
    args: readonly string[],
    variables: NodeJS.ProcessEnv,
    arrived?: (file: Arrival) => void,
  ): Running {
    const child = this.#fork(program, args, variables, ['--import', REPORT])
    const printed = text(child.stdout as NodeJS.ReadableStream)
    const ended = this.#succeed(child, name).catch(async (error: Error) => {
      error.message += `\n${await printed}`
      throw error
    })
    const waiting = new Promise<void>((resolve, reject) => {
      child.on('message', (report: Report) => {
        if ('waiting' in report) resolve()
        else arrived?.(report)
      })
      ended.then(resolve, reject)
    })
    return { waiting, ended }
  }

  async #startNode(node: string, args: readonly string[]): Promise<NodeStatus> {
    const child = this.#fork(COMMAND, ['start', '--json', '--log-level', 'warn', '--node', node, ...args])
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      return JSON.parse(line) as NodeStatus
    }
    throw new Error(`the service of ${node} did not start`)
  }

  #fork(program: string, args: readonly string[], variables = {}, execArgv: string[] = []): ChildProcess {
    interruption.throwIfAborted()
    const env = { ...this.#env, ...variables }
    const child = fork(program, args, { env, execArgv, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    this.#children.add(child)
    child.on('close', () => this.#children.delete(child))
    return child
  }

  async #succeed(child: ChildProcess, what: string): Promise<void> {
    const [code, signal] = await once(child, 'close')
    interruption.throwIfAborted()
    if (code !== 0) throw new Error(`${what} ended with ${signal ?? code}`)
  }

  readonly #kill = () => {
    for (const child of this.#children) child.kill()
  }
}
