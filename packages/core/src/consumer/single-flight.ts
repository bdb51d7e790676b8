import type { OnProgress } from './incoming-file.js'

/** Lets callers that want the same thing at the same time share one run of the work; it ends early only when all of them have left. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /**
   * Joins the run under `key`, or begins it. Rejects with the reason of `signal` when that fires, leaving the run to the others. What the work
   * tells of its progress is told to all who share it.
   */
  async run(
    key: string,
    signal: AbortSignal,
    onProgress: OnProgress,
    work: (signal: AbortSignal, onProgress: OnProgress) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      const control = new AbortController()
      const passengers = new Set<OnProgress>()
      const tellAll: OnProgress = (arrived, size) => {
        for (const tell of passengers) tell(arrived, size)
      }
      flight = { control, passengers, result: work(control.signal, tellAll) }
      this.#flights.set(key, flight)
      const landed = () => this.#forget(key, control)
      flight.result.then(landed, landed)
    }
    const { control, result, passengers } = flight
    let leave: (reason: unknown) => void = () => {}
    const left = new Promise<never>((_, reject) => {
      leave = reject
    })
    const aborted = () => leave(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    const tell: OnProgress = (arrived, size) => {
      try {
        onProgress(arrived, size)
      } catch (error) {
        // It is the failure of who listens, not of the work or of the others.
        leave(error)
      }
    }
    passengers.add(tell)
    try {
      return await Promise.race([result, left])
    } finally {
      signal.removeEventListener('abort', aborted)
      passengers.delete(tell)
      if (passengers.size === 0) {
        // Nobody may join a run that is being ended. The last to leave waits until it has cleaned up.
        this.#forget(key, control)
        control.abort(signal.reason)
        await result.catch(() => {})
      }
    }
  }

  #forget(key: string, control: AbortController): void {
    if (this.#flights.get(key)?.control === control) this.#flights.delete(key)
  }
}

interface Flight<T> {
  readonly control: AbortController
  readonly result: Promise<T>
  readonly passengers: Set<OnProgress>
}
