import { setTimeout as delay } from 'node:timers/promises'

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 1_000

/**
 * How long to go on trying: up to `limit` ms since there was progress last, with longer and longer
 * pauses between attempts.
 */
export class Patience {
  readonly #limit: number
  #since = performance.now()
  #attempts = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Milliseconds left, at least 1. */
  get left(): number {
    return Math.max(1, Math.ceil(this.#since + this.#limit - performance.now()))
  }

  /**
   * Milliseconds for one attempt: half of the rest, so that another way has its turn after it, but
   * no less than a quarter of the whole, which is time enough for an answer.
   */
  get share(): number {
    return Math.min(this.left, Math.max(this.left / 2, this.#limit / 4))
  }

  /** There was progress: patience begins anew. */
  renew(): void {
    this.#since = performance.now()
    this.#attempts = 0
  }

  /**
   * How long to pause before the next attempt, in ms, or undefined when patience is at its end.
   * Jittered, so that consumers of one owner do not come back all at once.
   */
  nextDelay(): number | undefined {
    const pause = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++) * (0.5 + Math.random() / 2)
    return pause < this.#since + this.#limit - performance.now() ? Math.round(pause) : undefined
  }

  /** Pauses; rejects with the signal's reason when it fires. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await delay(ms, undefined, { signal })
    } catch {
      signal.throwIfAborted()
    }
  }
}
