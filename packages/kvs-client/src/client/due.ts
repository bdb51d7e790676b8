/** The longest timer there is, in ms. */
const LONGEST_MS = 2 ** 31 - 1

/** Expires when it is due. */
export interface Expiring {
  /** On the monotonic clock, in ms; infinite for an exchange without a limit. */
  due: number
}

/**
 * Expires exchanges that take too long. All have the same limit, and one timer serves them. It
 * looks at all of them each time that the first could be due, so arming and disarming cost nothing.
 */
export class DueTimer {
  readonly #ms: number
  readonly #look: (now: number) => void
  #timer: NodeJS.Timeout | undefined

  /** @param look expires the due items and returns; it passes the others to {@link next} */
  constructor(ms: number, look: (now: number) => void) {
    this.#ms = ms
    this.#look = look
  }

  /** The item is due after the limit plus so many ms. */
  arm(item: Expiring, more: number): void {
    item.due = performance.now() + this.#ms + more
    this.#timer ??= this.#set(this.#ms)
  }

  disarm(item: Expiring): void {
    item.due = Number.POSITIVE_INFINITY
  }

  /** Notes the due time of an item that is left; infinity counts for none. */
  next(due: number, now: number): void {
    if (due < Number.POSITIVE_INFINITY) this.#timer ??= this.#set(Math.max(1, due - now))
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The timer itself does not hold the process: the link, or the attempt to make one, does. */
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
