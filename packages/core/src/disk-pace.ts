/** Calls that take this long have waited for a disk, in ms. */
const SLOW_MS = 20
/** How long a disk that was waited for is kept away from the event loop, in ms. */
const WARY_MS = 10_000

/**
 * Tells whether files may be called synchronously: a few microseconds where the system has them in memory, a tenth of the way through the thread pool and back, but the whole
 * process waits where a disk is waited for.
 */
export class DiskPace {
  readonly #slowMs: number
  #waryUntil = 0

  constructor(slowMs = SLOW_MS) {
    this.#slowMs = slowMs
  }

  /** Whether a call had to wait lately. */
  get isSlow(): boolean {
    return this.#waryUntil > 0 && performance.now() < this.#waryUntil
  }

  /** Makes a synchronous call, and notes how long it took. */
  time<T>(call: () => T): T {
    const begun = performance.now()
    try {
      return call()
    } finally {
      const now = performance.now()
      if (now - begun > this.#slowMs) this.#waryUntil = now + WARY_MS
    }
  }
}
