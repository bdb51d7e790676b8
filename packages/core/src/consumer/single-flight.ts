/**
 * Lets callers that want the same thing at the same time share one run of the work; it ends early
 * only when all of them have left.
 */
export class SingleFlight<T, News> {
  readonly #flights = new Map<string, Flight<T, News>>()

  /**
   * Joins the run under `key`, or begins it. Rejects with the reason of `signal` when that fires,
   * and leaves the run to the others. All callers of a run receive the news of the work; a caller
   * that joins late receives the last.
   */
  async run(
    key: string,
    signal: AbortSignal,
    onNews: (news: News) => void,
    work: (signal: AbortSignal, tell: (news: News) => void) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const flight = this.#flights.get(key) ?? this.#begin(key, work)
    const { control, result, passengers } = flight
    let leave: (reason: unknown) => void = () => {}
    const left = new Promise<never>((_, reject) => {
      leave = reject
    })
    const aborted = () => leave(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    const tell = (news: News) => {
      try {
        onNews(news)
      } catch (error) {
        // The listener failed, not the work or the other callers.
        leave(error)
      }
    }
    passengers.add(tell)
    if (flight.last !== undefined) tell(flight.last)
    try {
      return await Promise.race([result, left])
    } finally {
      signal.removeEventListener('abort', aborted)
      passengers.delete(tell)
      if (passengers.size === 0) {
        // No caller may join a run that is ending. The last caller to leave waits until the run has
        // cleaned up.
        this.#forget(key, flight)
        control.abort(signal.reason)
        await result.catch(() => {})
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal, tell: (news: News) => void) => Promise<T>): Flight<T, News> {
    const control = new AbortController()
    const passengers = new Set<(news: News) => void>()
    let last: News | undefined
    const result = work(control.signal, (news) => {
      last = news
      for (const tell of passengers) tell(news)
    })
    const flight: Flight<T, News> = {
      control,
      passengers,
      result,
      get last() {
        return last
      },
    }
    this.#flights.set(key, flight)
    const landed = () => this.#forget(key, flight)
    result.then(landed, landed)
    return flight
  }

  #forget(key: string, flight: Flight<T, News>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

interface Flight<T, News> {
  readonly control: AbortController
  readonly result: Promise<T>
  readonly passengers: Set<(news: News) => void>
  /** The last news of the work. */
  readonly last: News | undefined
}
