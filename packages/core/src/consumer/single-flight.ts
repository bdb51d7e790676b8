/** Lets callers that want the same thing at the same time share one run of the work; it ends early only when all of them have left. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** Joins the run under `key`, or begins it. Rejects with the reason of `signal` when that fires, leaving the run to the others. */
  async run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      const control = new AbortController()
      flight = { control, passengers: 0, result: work(control.signal) }
      this.#flights.set(key, flight)
      const landed = () => this.#forget(key, control)
      flight.result.then(landed, landed)
    }
    const { control, result } = flight
    flight.passengers++
    let leave: (() => void) | undefined
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason)
      signal.addEventListener('abort', leave, { once: true })
    })
    try {
      return await Promise.race([result, left])
    } finally {
      if (leave !== undefined) signal.removeEventListener('abort', leave)
      if (--flight.passengers === 0) {
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
  passengers: number
}
