/** The callbacks of an attempt. */
export interface AttemptEvents {
  /** Makes the error for an owner that took longer than so many ms. */
  stalled(ms: number): Error
  /** The owner was waited for, for so many ms. */
  waited(ms: number): void
}

/**
 * One attempt at a transfer: ends with the caller's signal, or when the owner's next answer does
 * not come in time.
 */
export class Attempt implements Disposable {
  readonly #own = new AbortController()
  readonly #caller: AbortSignal
  readonly #events: AttemptEvents
  readonly #aborted = () => this.#own.abort(this.#caller.reason)
  #limit: number
  #timer: NodeJS.Timeout
  #awaits = false

  /** @param limit milliseconds that the owner may take for each answer */
  constructor(caller: AbortSignal, limit: number, events: AttemptEvents) {
    this.#caller = caller
    this.#events = events
    if (caller.aborted) this.#aborted()
    else caller.addEventListener('abort', this.#aborted, { once: true })
    this.#limit = limit
    this.#timer = this.#begin()
  }

  get signal(): AbortSignal {
    return this.#own.signal
  }

  get limit(): number {
    return this.#limit
  }

  /** Changes how long the owner may take, from the next wait on. */
  set limit(ms: number) {
    if (ms === this.#limit) return
    this.#limit = ms
    clearTimeout(this.#timer)
    this.#timer = this.#begin()
  }

  /** Settles as `next` does; the owner has its time from now. */
  async await<T>(next: Promise<T>): Promise<T> {
    this.#awaits = true
    this.#timer.refresh()
    const begun = performance.now()
    try {
      return await next
    } finally {
      this.#awaits = false
      this.#events.waited(performance.now() - begun)
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#caller.removeEventListener('abort', this.#aborted)
  }

  #begin(): NodeJS.Timeout {
    return setTimeout(() => {
      // While this side is busy, storing say, the owner is not to blame.
      if (this.#awaits) this.#own.abort(this.#events.stalled(this.#limit))
    }, this.#limit)
  }
}
