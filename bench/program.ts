import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

/**
 * How long the next line or the end may take, in ms: a program that waits for ever must not stop
 * the bench.
 */
const SILENCE_MS = 300_000
/** How long a program that ends by itself once its input ends may take for it, in ms. */
const ENDING_MS = 30_000

export interface ProgramOptions {
  /** What its environment has beside that of the bench. */
  readonly env: NodeJS.ProcessEnv
  /** Ends it. */
  readonly signal: AbortSignal
  /**
   * Whether it is not killed: its input ends, and it has processes of its own to end. @default
   * false
   */
  readonly endsItself?: boolean
}

/**
 * A program that nobody changed, in a process of its own. It prints `ready`, begins when it is sent
 * a line, and tells its figures line by line. Whoever started it disposes of it.
 */
export class Program implements AsyncDisposable {
  readonly #name: string
  readonly #endsItself: boolean
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  readonly #complaint: Promise<string>
  readonly #ended: Promise<unknown>

  private constructor(path: string, args: readonly string[], { env, signal, endsItself = false }: ProgramOptions) {
    this.#name = [path, ...args].join(' ')
    this.#endsItself = endsItself
    // A group of its own: a terminal sends Ctrl-C to everybody, and the bench ends it in its way.
    this.#process = spawn(path, args, { env: { ...process.env, ...env }, detached: true, stdio: 'pipe' })
    this.#ended = once(this.#process, 'close')
    // The reader of the next line hears of a failed start, and of an end.
    this.#ended.catch(() => {})
    this.#process.stdin.on('error', () => {})
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
    this.#complaint = text(this.#process.stderr)
    signal.addEventListener('abort', this.#stop)
    this.#process.once('close', () => signal.removeEventListener('abort', this.#stop))
  }

  /** Starts a program and waits until it is ready. */
  static async start(path: string, args: readonly string[], options: ProgramOptions): Promise<Program> {
    options.signal.throwIfAborted()
    const program = new Program(path, args, options)
    try {
      const line = await program.line()
      if (line !== 'ready') throw new Error(`${program.#name} prints '${line}' instead of 'ready'`)
      return program
    } catch (error) {
      await program[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Sends an empty line. */
  go(): void {
    this.#process.stdin.write('\n')
  }

  /** Resolves with the next line that it prints; rejects if it ends before, or stands still. */
  async line(): Promise<string> {
    const { value, done } = await within(this.#lines.next(), SILENCE_MS, `${this.#name} prints nothing`)
    if (done !== true) return value
    await this.#ended
    throw await this.#failure()
  }

  /** Resolves with the next line as a time in nanoseconds. */
  async time(): Promise<number> {
    return Number(await this.line())
  }

  /** Waits for its end; rejects if its status is not 0. */
  async end(): Promise<void> {
    await within(this.#ended, SILENCE_MS, `${this.#name} does not end`)
    if (this.#process.exitCode !== 0) throw await this.#failure()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    const ended = this.#ended.catch(() => {})
    if (this.#endsItself) await within(ended, ENDING_MS, `${this.#name} does not end`).catch(() => {})
    this.#process.kill('SIGKILL')
    await ended
  }

  readonly #stop = (): void => {
    if (this.#endsItself) this.#process.stdin.end()
    else this.#process.kill('SIGKILL')
  }

  async #failure(): Promise<Error> {
    const { exitCode, signalCode } = this.#process
    return new Error(`${this.#name} ended (${signalCode ?? exitCode}): ${(await this.#complaint).trim()}`)
  }
}

/** Settles as `work` does; rejects if that takes longer than `most` ms. */
async function within<T>(work: Promise<T>, most: number, complaint: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${complaint} for ${most / 1000} s`)), most)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
