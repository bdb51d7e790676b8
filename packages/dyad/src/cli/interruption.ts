import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

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

/** Turns SIGINT, SIGTERM and a closed output into an abort, until disposed of. The second signal ends the process at once. */
export class Interruptions implements Disposable {
  readonly #abort = new AbortController()
  readonly #interrupt = (name: NodeJS.Signals) => {
    this[Symbol.dispose]()
    this.#abort.abort(new Interruption(name, 128 + (constants.signals[name] ?? 0)))
  }
  readonly #outputFailed = (error: NodeJS.ErrnoException) => {
    const exitCode = error.code === 'EPIPE' ? 0 : 1
    this.#abort.abort(new Interruption(`the output cannot be written: ${error.message}`, exitCode))
  }

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#interrupt)
    // This listener stays: what is written late must not end the process in its own way.
    process.stdout.on('error', this.#outputFailed)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#interrupt)
  }
}
