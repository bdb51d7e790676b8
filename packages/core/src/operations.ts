import { giveBackController, listenTo, takeController } from './deadline.js'
import { DyadError } from './errors.js'

/** What a session has under way: each operation ends with its caller's signal or with the session, which waits for it. */
export class Operations {
  readonly #closing = new AbortController()
  #underWay = 0
  /** To be told when nothing is under way any more. */
  #ended: (() => void) | undefined

  constructor() {
    listenTo(this.#closing.signal, () => {})
  }

  /** Fires with ERR_DYAD_CLOSED when the session ends. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Runs an operation with a signal that fires when the caller's does, or with the session's end. */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.closing.throwIfAborted()
    this.#underWay++
    try {
      // Most callers have no signal of their own, and making one costs as much as a system call.
      return await (signal === undefined ? work(this.closing) : this.#bounded(signal, work))
    } finally {
      if (--this.#underWay === 0) this.#ended?.()
    }
  }

  /** Ends what is under way, and resolves when it has ended. Called once. */
  async close(): Promise<void> {
    this.#closing.abort(new DyadError('ERR_DYAD_CLOSED'))
    if (this.#underWay === 0) return
    await new Promise<void>((resolve) => {
      this.#ended = resolve
    })
  }

  async #bounded<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = takeController()
    const ends = [signal, this.closing].map((end) => listenTo(end, () => own.abort(end.reason)))
    try {
      own.signal.throwIfAborted()
      return await work(own.signal)
    } finally {
      for (const stop of ends) stop()
      giveBackController(own)
    }
  }
}
