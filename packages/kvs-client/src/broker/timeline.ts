import type { RevisionClock } from './revision-clock.js'

/** The earlier starts of a store. */
export interface Past {
  /** The highest revision among the puts of earlier starts; 0 if there were none. */
  readonly latest: number
  /**
   * The highest revision among the puts up to the end of the start of this epoch; undefined if this
   * store does not continue that start.
   */
  lastOf(epoch: string): number | undefined
}

/**
 * The revisions of a store, in the order in which it gives them, and how far waiters and watchers
 * know of them.
 */
export class Timeline {
  /** Names this start of the store. */
  readonly epoch: string
  readonly #clock: RevisionClock
  readonly #past: Past
  /** Revisions of puts that nobody knows of yet; the least is the first. */
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

  /** A revision of its own, above every one given so far. */
  next(): number {
    return this.#clock.next()
  }

  /** A put is stored and cannot be told yet. */
  held(revision: number): void {
    this.#untold.add(revision)
  }

  /** A put has failed, or is about to be told. */
  over(revision: number, isTold: boolean): void {
    this.#untold.delete(revision)
    if (isTold && revision > this.#latest) this.#latest = revision
  }

  /**
   * Whether a reader with everything up to a revision, given under an epoch, needs only later ones.
   * An older copy of the records, or another store, may hold something new under lower
   * revisions.
   */
  continues(epoch: string, revision: number): boolean {
    if (epoch === this.epoch) return true
    const last = this.#past.lastOf(epoch)
    return last !== undefined && revision <= last
  }
}
