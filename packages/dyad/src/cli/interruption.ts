import { constants } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { EXIT_CODES, exitCodeOf } from './exit-codes.js'

/** The last is that of a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The interruption of a command: by a signal, or by an output that takes nothing any more. */
export class Interruption extends Error {
  /** What the process exits with. */
  readonly exitCode: number
  /** Whether the command says nothing of it. */
  readonly isQuiet: boolean

  constructor(message: string, exitCode: number, isQuiet = true) {
    super(message)
    this.name = 'AbortError'
    this.exitCode = exitCode
    this.isQuiet = isQuiet
  }
}

/**
 * The interruption of a command whose output fails: a quiet success where the reader of the output
 * is gone.
 */
export function outputFailure(error: NodeJS.ErrnoException): Interruption {
  if (error.code === 'EPIPE') return new Interruption('the reader of the output is gone', EXIT_CODES.success.code)
  return new Interruption(`the output cannot be written: ${error.message}`, exitCodeOf(error), false)
}

/**
 * Turns SIGINT, SIGTERM, SIGHUP and a closed output into an abort, until disposed of. The second
 * signal ends the process at once.
 */
export class Interruptions implements Disposable {
  readonly #abort = new AbortController()
  #failed: Interruption | undefined
  readonly #interrupt = (name: NodeJS.Signals) => {
    this[Symbol.dispose]()
    this.#abort.abort(new Interruption(name, 128 + (constants.signals[name] ?? 0)))
  }
  readonly #outputFailed = (error: NodeJS.ErrnoException) => {
    this.#failed ??= outputFailure(error)
    this.#abort.abort(this.#failed)
  }

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#interrupt)
    // This listener stays: what is written late must not end the process in its own way.
    process.stdout.on('error', this.#outputFailed)
    // A command does its work although nobody can read its messages.
    process.stderr.on('error', () => {})
  }

  /**
   * Resolves when everything that was printed is written; rejects with the Interruption if that
   * failed.
   */
  async outputWritten(): Promise<void> {
    if (process.stdout.writableLength > 0) await new Promise<void>((told) => process.stdout.write('', () => told()))
    // The stream reports a failure in a later turn.
    await setImmediate()
    if (this.#failed !== undefined) throw this.#failed
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#interrupt)
  }
}
