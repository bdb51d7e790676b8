import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Child } from './child.js'

/**
 * Where one comparison takes place: a directory and processes of its own, all gone when it is
 * disposed of.
 */
export class Site implements AsyncDisposable {
  /** The directory. */
  readonly root: string
  /** Ends everything that goes on here. */
  readonly signal: AbortSignal
  readonly #owned: (() => unknown)[] = []
  #ended = false

  /**
   * @param parent directory in which the site makes its own
   * @param signal ends its processes at once
   */
  constructor(parent: string, signal: AbortSignal) {
    this.root = mkdtempSync(join(parent, 'dyad-bench-'))
    this.signal = signal
    this.defer(() => rmSync(this.root, { recursive: true, force: true }))
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  /**
   * A directory below the root, without what was in it. It stays the same directory, since a
   * service may serve it.
   */
  empty(name: string): string {
    this.#assertOpen()
    const path = this.path(name)
    mkdirSync(path, { recursive: true })
    for (const entry of readdirSync(path)) rmSync(join(path, entry), { recursive: true })
    return path
  }

  /** Starts a program of the folder `processes`, which ends with the site. */
  async fork(program: string, execArgv: string[] = []): Promise<Child> {
    this.#assertOpen()
    const child = Child.start(program, this.signal, execArgv)
    this.defer(() => child[Symbol.asyncDispose]())
    await child.ask('ready')
    return child
  }

  /** Runs a command to its end; resolves with what it printed. */
  async run(command: string, args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(command, args, { signal: this.signal, killSignal: 'SIGKILL' })
    return stdout
  }

  /** Has something done when the site ends, before what was asked for earlier. */
  defer(work: () => unknown): void {
    this.#owned.push(work)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    for (const work of this.#owned.splice(0).reverse()) await work()
  }

  /** What was begun side by side with something that failed must not begin anything more. */
  #assertOpen(): void {
    if (this.#ended) throw new Error('the site has ended')
  }
}
