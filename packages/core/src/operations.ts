import { standingAside } from './aside.js'
import { giveBackController, listenTo, takeController } from './deadline.js'
import { DyadError } from './errors.js'

/** An operation with a signal of its own. */
interface Bounded {
  readonly own: AbortController
  /** Its index among the others. */
  place: number
}

/**
 * The operations of a session. Each ends with its caller's signal or with the session, which waits
 * for it.
 */
export class Operations {
  readonly #closing = new AbortController()
  /**
   * An array instead of listeners to `closing`, since operations begin and end thousands of times a
   * second.
   */
  readonly #bounded: Bounded[] = []
  #underWay = 0
  /** Called when nothing is under way any more. */
  #ended: (() => void) | undefined

  constructor() {
    listenTo(this.#closing.signal, () => {})
  }

  /** Fires with ERR_DYAD_CLOSED when the session ends. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /**
   * Runs an operation with a signal that fires when the caller's does, or with the session's end.
   */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.closing.throwIfAborted()
    this.#underWay++
    try {
      // Most callers have no signal of their own, and making one costs as much as a system call.
      return await standingAside(() => (signal === undefined ? work(this.closing) : this.#runBounded(signal, work)))
    } finally {
      if (--this.#underWay === 0) this.#ended?.()
    }
  }

  /** Ends all operations, and resolves when they have ended. Called once. */
  async close(): Promise<void> {
    this.#closing.abort(new DyadError('ERR_DYAD_CLOSED'))
    for (const { own } of [...this.#bounded]) own.abort(this.closing.reason)
    if (this.#underWay === 0) return
    await new Promise<void>((resolve) => {
      this.#ended = resolve
    })
  }

  async #runBounded<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const bounded = { own: takeController(), place: 0 }
    const { own } = bounded
    bounded.place = this.#bounded.push(bounded) - 1
    const stop = listenTo(signal, () => own.abort(signal.reason))
    try {
      own.signal.throwIfAborted()
      return await work(own.signal)
    } finally {
      stop()
      this.#leave(bounded)
      giveBackController(own)
    }
  }

  #leave(bounded: Bounded): void {
    const last = this.#bounded.pop()
    if (last === undefined || last === bounded) return
    this.#bounded[bounded.place] = last
    last.place = bounded.place
  }
}
