import { report } from '../diagnostics.js'
import type { FileRecord } from '../kvs/record.js'

/** Publishes that may be under way before another is waited for. */
const MOST = 4_096
/** Failures that are kept for the next `settle`; of others it counts how many there were. */
const MOST_FAILURES = 1_000

/** Publishes that nobody waits for: in order for each path, all at once otherwise. */
export class PendingPublishes {
  readonly #last = new Map<string, Promise<unknown>>()
  readonly #failures: unknown[] = []
  #failed = 0
  #count = 0
  #room: (() => void)[] = []

  /**
   * Publishes once the earlier publishes of the same path are done. Returns a promise of room for
   * the next, or undefined where there is room.
   * @param publish asks whether it is the last of its path by now
   */
  add(path: string, publish: (isLast: () => boolean) => Promise<FileRecord>): Promise<void> | undefined {
    this.#count++
    const earlier = this.#last.get(path)
    const isLast = () => this.#last.get(path) === settled
    const settled: Promise<void> = (earlier === undefined ? publish(isLast) : earlier.then(() => publish(isLast)))
      .catch((error: Error) => {
        this.#failed++
        if (this.#failures.length < MOST_FAILURES) this.#failures.push(error)
        report('dyad.producer.failed', { path, error })
      })
      .then(() => {
        if (this.#last.get(path) === settled) this.#last.delete(path)
        this.#count--
        this.#room.shift()?.()
      })
    this.#last.set(path, settled)
    return this.#count < MOST ? undefined : this.#untilRoom()
  }

  async #untilRoom(): Promise<void> {
    while (this.#count >= MOST) await new Promise<void>((resolve) => this.#room.push(resolve))
  }

  /** Resolves when those of a path that were begun so far are done, however they ended. */
  async of(path: string): Promise<void> {
    await this.#last.get(path)
  }

  /**
   * Resolves when all are done. Rejects if some failed since the last call: with the error, or with
   * an AggregateError of several, which has the first 1,000.
   */
  async settle(): Promise<void> {
    await Promise.all(this.#last.values())
    const failures = this.#failures.splice(0)
    const failed = this.#failed
    this.#failed = 0
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, `${failed} files could not be published`)
  }
}
