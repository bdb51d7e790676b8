import { constants } from 'node:os'
import { setImmediate } from 'node:timers/promises'

/** The last is that of a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Why a command was interrupted: a signal, or nobody reads what it prints any more. */
export class Interruption extends Error {
  /** What the process exits with. */
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.name = 'AbortError'
    this.exitCode = exitCode
  }
}

/** The interruption of a command whose output fails: a quiet one if nobody reads any more. */
export function outputFailure(error: NodeJS.ErrnoException): Interruption {
  return new Interruption(`the output cannot be written: ${error.message}`, error.code === 'EPIPE' ? 0 : 1)
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
