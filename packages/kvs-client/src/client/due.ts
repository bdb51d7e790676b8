/** The longest timer there is, in ms. */
const LONGEST_MS = 2 ** 31 - 1

/** Something that is given up when it is due. */
export interface Expiring {
  /** On the monotonic clock in ms; infinite for what may take for ever. */
  due: number
}

/**
 * Gives up what takes too long. All are given the same time, and one timer serves them: it looks at
 * everything each time that the first of them could be due, so that arming and disarming cost
 * nothing.
 */
export class DueTimer {
  readonly #ms: number
  readonly #look: (now: number) => void
  #timer: NodeJS.Timeout | undefined

  /** `look` is to give up what is due and return nothing; it arms what is left by {@link next}. */
  constructor(ms: number, look: (now: number) => void) {
    this.#ms = ms
    this.#look = look
  }

  /** It is due once its time, and so many ms more, have passed. */
  arm(item: Expiring, more: number): void {
    item.due = performance.now() + this.#ms + more
    this.#timer ??= this.#set(this.#ms)
  }

  disarm(item: Expiring): void {
    item.due = Number.POSITIVE_INFINITY
  }

  /** The least of what is left, or infinity. */
  next(due: number, now: number): void {
    if (due < Number.POSITIVE_INFINITY) this.#timer ??= this.#set(Math.max(1, due - now))
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What is under way holds the process by its link, or by the attempt to make one. */
  #set(ms: number): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#look(performance.now())
      },
      Math.min(ms, LONGEST_MS),
    )
    return timer.unref()
  }
}
