import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const COMMAND = fileURLToPath(new URL('../../bin/dyad.js', import.meta.url))

/** The outcome of a command. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running command. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
}

/**
 * The directories, the state directory and the environment of one test. Disposing of it ends
 * everything that was started in it.
 */
export class Sandbox implements AsyncDisposable {
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  readonly #children = new Set<ChildProcess>()

  private constructor(directory: string) {
    this.directory = directory
    // Node shows no colour if the variable CI is set.
    const outside = Object.entries(process.env).filter(
      ([name]) => !/^(DYAD_|NODE_DEBUG|NO_COLOR|FORCE_COLOR|CI$)/.test(name),
    )
    this.env = {
      ...Object.fromEntries(outside),
      XDG_CONFIG_HOME: join(directory, 'config'),
      DYAD_STATE_DIR: join(directory, 'state'),
      DYAD_KVS: 'ws://127.0.0.1:0',
      DYAD_KVS_NAMESPACE: 'test',
    }
  }

  static async make(): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), 'dyad-cli-')))
  }

  /**
   * A sandbox with two nodes in the background, n1 with the store; `n1` and `n2` are their
   * directories. `env` is for everything in it.
   */
  static async withNodes(env: NodeJS.ProcessEnv = {}): Promise<Sandbox> {
    const sandbox = await Sandbox.make()
    Object.assign(sandbox.env, env)
    const first = await sandbox.run(['start', '-d', '--json', '--broker', '--node', 'n1', sandbox.at('n1')])
    if (first.code !== 0) throw new Error(`ended with ${first.code}: ${first.stdout}${first.stderr}`)
    sandbox.env['DYAD_KVS'] = JSON.parse(first.stdout).kvs
    const second = await sandbox.run(['start', '-d', '--node', 'n2', sandbox.at('n2')])
    if (second.code !== 0) throw new Error(`ended with ${second.code}: ${second.stdout}${second.stderr}`)
    return sandbox
  }

  /** The token of the sandbox, which the first start creates. */
  get token(): string {
    return readFileSync(this.at('config/dyad/token'), 'utf8').trim()
  }

  at(name: string): string {
    return join(this.directory, name)
  }

  /** What a program on a node has in its environment. */
  on(node: 'n1' | 'n2'): NodeJS.ProcessEnv {
    return { DYAD_NODE: node, DYAD_PATH_PRODUCER: this.at(node), DYAD_PATH_CONSUMER: this.at(node) }
  }

  spawn(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    program: readonly string[] = [process.execPath, COMMAND],
  ): Running {
    const [file = '', ...words] = program
    const options = { cwd: this.directory, env: { ...this.env, ...env }, stdio: 'pipe' } as const
    const child = spawn(file, [...words, ...args], options)
    this.#children.add(child)
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
      ([stdout, stderr, [code]]) => ({ code: code as number | null, stdout, stderr }),
    )
    ended.finally(() => this.#children.delete(child)).catch(() => {})
    return { child, ended }
  }

  run(args: readonly string[], env: NodeJS.ProcessEnv = {}, input: string | Buffer = ''): Promise<Outcome> {
    const { child, ended } = this.spawn(args, env)
    // A command that does not read its input may be gone before the input is.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
    return ended
  }

  /** Runs a command on a terminal of its own; what it prints to either output is in stdout. */
  runOnTerminal(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.spawnOnTerminal(args, env).ended
  }

  /** As `runOnTerminal`, of a command that goes on. */
  spawnOnTerminal(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const line = [process.execPath, COMMAND, ...args].map((word) => `'${word}'`).join(' ')
    return this.spawn(['-qec', line, '/dev/null'], { TERM: 'xterm-256color', ...env }, ['script'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    await this.run(['stop', '--all'])
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** The first line that a command prints. */
export async function firstLine({ child, ended }: Running): Promise<string> {
  if (child.stdout === null) throw new Error('there is no output')
  const silent = ended.then(({ code, stderr }) => {
    throw new Error(`ended with ${code} before it printed a line: ${stderr}`)
  })
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), silent])
  return String(line)
}

/** Resolves when a command has said what matches. */
export function says(
  { child, ended }: Running,
  pattern: RegExp,
  output: 'stdout' | 'stderr' = 'stderr',
): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child[output]?.on('data', (chunk: Buffer) => {
      said += chunk
      if (pattern.test(said)) resolve()
    })
    ended.then((outcome) => reject(new Error(`ended without saying so: ${outcome[output]}`)), reject)
  })
}
