interface Waiter {
  readonly granted: () => void
  readonly signal: AbortSignal
  readonly aborted: () => void
}

/** A number of places that are taken in the order asked for. */
export class Slots {
  readonly #waiters = new Set<Waiter>()
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  /** Takes a place if one is free. */
  tryAcquire(): boolean {
    if (this.#free === 0) return false
    this.#free--
    return true
  }

  /** Resolves with a place taken; rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.tryAcquire()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        granted: resolve,
        signal,
        aborted: () => {
          this.#waiters.delete(waiter)
          reject(signal.reason)
        },
      }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', waiter.aborted, { once: true })
    })
  }

  release(): void {
    const [waiter] = this.#waiters
    if (waiter === undefined) {
      this.#free++
      return
    }
    this.#waiters.delete(waiter)
    waiter.signal.removeEventListener('abort', waiter.aborted)
    waiter.granted()
  }
}
