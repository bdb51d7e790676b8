/** One attempt at a transfer: ends with the caller's signal, or when what is awaited of the owner does not come for `stallMs` milliseconds. */
export class Attempt implements Disposable {
  readonly #own = new AbortController()
  readonly #caller: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #aborted = () => this.#own.abort(this.#caller.reason)
  #awaits = false

  constructor(caller: AbortSignal, stallMs: number, stalled: () => Error) {
    this.#caller = caller
    if (caller.aborted) this.#aborted()
    else caller.addEventListener('abort', this.#aborted, { once: true })
    this.#timer = setTimeout(() => {
      // While this side is busy, storing say, the owner is not to blame.
      if (this.#awaits) this.#own.abort(stalled())
    }, stallMs)
  }

  get signal(): AbortSignal {
    return this.#own.signal
  }

  /** Settles as `next` does; the owner has its time from now. */
  async await<T>(next: Promise<T>): Promise<T> {
    this.#awaits = true
    this.#timer.refresh()
    try {
      return await next
    } finally {
      this.#awaits = false
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#caller.removeEventListener('abort', this.#aborted)
  }
}
