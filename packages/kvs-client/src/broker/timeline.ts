import type { RevisionClock } from './revision-clock.js'

/** The earlier starts of a store. */
export interface Past {
  /** The highest revision among the puts of earlier starts; 0 if there were none. */
  readonly latest: number
  /**
   * Returns the highest revision among the puts up to the end of this epoch's start, or undefined
   * if this store does not continue that start.
   */
  lastOf(epoch: string): number | undefined
}

/** The revisions of a store, in order, and the ones that waiters and watchers know of. */
export class Timeline {
  /** Names this start of the store. */
  readonly epoch: string
  readonly #clock: RevisionClock
  readonly #past: Past
  /** Revisions of puts that no client knows of yet, the least first. */
  readonly #untold = new Set<number>()
  #latest: number

  constructor(epoch: string, clock: RevisionClock, past: Past) {
    this.epoch = epoch
    this.#clock = clock
    this.#past = past
    this.#latest = past.latest
  }

  /** The highest revision that waiters and watchers know of. */
  get latest(): number {
    return this.#latest
  }

  /** Waiters and watchers know of every put up to this revision. */
  get visible(): number {
    for (const first of this.#untold) return first - 1
    return this.#latest
  }

  /** Returns a new revision, above every earlier one. */
  next(): number {
    return this.#clock.next()
  }

  /** A put is stored and must stay invisible for now. */
  held(revision: number): void {
    this.#untold.add(revision)
  }

  /** A put has failed, or is about to become visible. */
  over(revision: number, isTold: boolean): void {
    this.#untold.delete(revision)
    if (isTold && revision > this.#latest) this.#latest = revision
  }

  /**
   * Returns true if a reader that has every entry up to a revision of an epoch needs only later
   * ones. An older copy of the records, or another store, may hold new entries under lower
   * revisions.
   */
  continues(epoch: string, revision: number): boolean {
    if (epoch === this.epoch) return true
    const last = this.#past.lastOf(epoch)
    return last !== undefined && revision <= last
  }
}
