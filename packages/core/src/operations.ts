import { giveBackController, listenTo, takeController } from './deadline.js'
import { DyadError } from './errors.js'

/** What a session has under way: each operation ends with its caller's signal or with the session, which waits for it. */
export class Operations {
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor() {
    listenTo(this.#closing.signal, () => {})
  }

  /** Fires with ERR_DYAD_CLOSED when the session ends. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Runs an operation with a signal that fires when the caller's does, or with the session's end. */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // Most callers have no signal of their own, and making one costs as much as a system call.
    const operation = signal === undefined ? this.#begin(this.closing, work) : this.#bounded(signal, work)
    this.#underWay.add(operation)
    try {
      return await operation
    } finally {
      this.#underWay.delete(operation)
    }
  }

  /** Ends what is under way, and resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort(new DyadError('ERR_DYAD_CLOSED'))
    await Promise.allSettled(this.#underWay)
  }

  async #begin<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    return work(signal)
  }

  async #bounded<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = takeController()
    const ends = [signal, this.closing].map((end) => listenTo(end, () => own.abort(end.reason)))
    try {
      return await this.#begin(own.signal, work)
    } finally {
      for (const stop of ends) stop()
      giveBackController(own)
    }
  }
}
