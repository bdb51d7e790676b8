import { untilTold } from '../deadline.js'

/**
 * Keeps what was fetched ahead out of the way of what was asked for: while anything is asked for,
 * transfers that nobody asked for stand still.
 */
export class RightOfWay {
  /** How often each path is asked for at this moment. */
  readonly #asked = new Map<string, number>()
  #waiting: (() => void)[] = []

  /** Runs a transfer that was asked for. */
  async first<T>(path: string, work: () => Promise<T>): Promise<T> {
    this.#asked.set(path, (this.#asked.get(path) ?? 0) + 1)
    // It may be one that stands still.
    this.#wake()
    try {
      return await work()
    } finally {
      const left = (this.#asked.get(path) ?? 1) - 1
      if (left > 0) this.#asked.set(path, left)
      else this.#asked.delete(path)
      this.#wake()
    }
  }

  /**
   * Resolves when a transfer of this path may go on: nothing is asked for, or it is. Rejects with
   * the signal's reason.
   */
  async give(path: string, signal: AbortSignal): Promise<void> {
    while (this.#asked.size > 0 && !this.#asked.has(path)) {
      await untilTold(signal, (told) => this.#waiting.push(told))
    }
    signal.throwIfAborted()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
