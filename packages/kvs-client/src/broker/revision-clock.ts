import type { RecordStore } from '../records/contract.js'

/**
 * How far ahead revisions are reserved in the store, in µs, so that not each of them needs a write
 * to survive a crash.
 */
const RESERVE_US = 10_000_000

/**
 * Issues revisions: microseconds since 1970, but always more than the last, also across restarts of
 * the store.
 */
export class RevisionClock {
  readonly #store: Pick<RecordStore, 'ceiling' | 'raise'>
  #last: number
  #ceiling: number

  constructor(store: Pick<RecordStore, 'ceiling' | 'raise'>) {
    this.#store = store
    this.#last = store.ceiling
    this.#ceiling = store.ceiling
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, now())
    if (this.#last > this.#ceiling) {
      this.#ceiling = this.#last + RESERVE_US
      this.#store.raise(this.#ceiling)
    }
    return this.#last
  }
}

function now(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000)
}
