// Two nodes on this host for the demo, and the programs that run on them, each a process of its
// own.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { NodeStatus } from '@dyad-ts/dyad'
import type { Report } from './demo-report.js'

const COMMAND = fileURLToPath(new URL('../bin/dyad.js', import.meta.resolve('@dyad-ts/dyad')))
const REPORT = new URL('demo-report.js', import.meta.url).href

const interrupt = new AbortController()
/** Fires on Ctrl-C. */
export const interruption: AbortSignal = interrupt.signal
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort(name))

// How bytes travel is for who starts the demo to say; what else they have set for their own runs is
// not for it.
const TAKEN = ['DYAD_HOST', 'DYAD_TOKEN', 'DYAD_DTL_MODE', 'DYAD_INLINE_LIMIT']

function isForTheDemo(variable: string): boolean {
  return TAKEN.includes(variable) || !variable.startsWith('DYAD_')
}

/** A program that runs. */
interface Running {
  /** Resolves when it waits for a file that nobody has published yet. */
  readonly waiting: Promise<void>
  /** Resolves when it ended well; rejects if it did not. */
  readonly ended: Promise<void>
}

/** The nodes, by name with the directories that each serves; the first hosts the store. */
export class Cluster implements AsyncDisposable {
  readonly #children = new Set<ChildProcess>()
  readonly #env = Object.fromEntries(Object.entries(process.env).filter(([name]) => isForTheDemo(name)))
  #namespaces = 0

  private constructor(stateDir: string) {
    this.#env['DYAD_STATE_DIR'] = stateDir
    this.#env['XDG_CONFIG_HOME'] = stateDir
    this.#env['DYAD_KVS'] = `ws://${this.#env['DYAD_HOST'] || '127.0.0.1'}:0`
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
    await this.#succeed(this.#fork(COMMAND, ['namespace', 'create', name]), 'dyad namespace create')
    return name
  }

  /** Runs an example. */
  run(name: string, args: readonly string[], variables: NodeJS.ProcessEnv): Running {
    const program = fileURLToPath(new URL(`${name}.js`, import.meta.url))
    const child = this.#fork(program, args, variables, ['--import', REPORT])
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      console.log(`   ${name}  ${line}`),
    )
    const ended = this.#succeed(child, name)
    const waiting = new Promise<void>((resolve, reject) => {
      child.on('message', (report: Report) => {
        if ('waiting' in report) resolve()
        else {
          const { path, how, waited } = report
          console.log(`   ${name}  ${path}: ${how}; the open waited ${waited.toFixed(1)} ms`)
        }
      })
      ended.then(resolve, reject)
    })
    return { waiting, ended }
  }

  /** Ends every process, and returns when they have. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map((child) => once(child, 'close'))
    this.#kill()
    await Promise.all(ends)
    interruption.removeEventListener('abort', this.#kill)
  }

  async #startNode(node: string, args: readonly string[]): Promise<NodeStatus> {
    const child = this.#fork(COMMAND, ['start', '--json', '--node', node, ...args])
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
