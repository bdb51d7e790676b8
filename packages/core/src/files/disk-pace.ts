/** Calls that take this long have waited for a disk, or for a processor; in ms. */
const SLOW_MS = 20
/**
 * How long the event loop is kept from waiting again, at first and at most, in ms: a call that
 * waited for a processor says nothing of the next ones, a disk that is slow is slow again.
 */
const FIRST_WARY_MS = 250
const MOST_WARY_MS = 10_000

/**
 * Decides whether calls on files may be synchronous: a few microseconds where the system has them
 * in memory, a tenth of the way through the thread pool and back, but the whole process waits where
 * a disk is waited for. After a call that had to wait they may not for a while, which doubles each
 * time that the next ones soon have to wait again.
 */
export class DiskPace {
  readonly #slowMs: number
  readonly #now: () => number
  #waryMs = FIRST_WARY_MS
  #waryUntil = 0

  /** @param now the time in ms, from any beginning before now */
  constructor(slowMs = SLOW_MS, now = () => performance.now()) {
    this.#slowMs = slowMs
    this.#now = now
  }

  /** Whether calls had to wait lately. */
  get isSlow(): boolean {
    return this.#waryUntil > 0 && this.#now() < this.#waryUntil
  }

  /** Makes a synchronous call, and notes how long it took. */
  time<T>(call: () => T): T {
    const begun = this.#now()
    try {
      return call()
    } finally {
      const now = this.#now()
      if (now - begun > this.#slowMs) this.#beWary(begun, now)
    }
  }

  #beWary(begun: number, now: number): void {
    const isAgain = this.#waryUntil > 0 && begun - this.#waryUntil < this.#waryMs
    this.#waryMs = isAgain ? Math.min(2 * this.#waryMs, MOST_WARY_MS) : FIRST_WARY_MS
    this.#waryUntil = now + this.#waryMs
  }
}
