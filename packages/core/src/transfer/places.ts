import { DyadError } from '../errors.js'
import { Slots } from './slots.js'

/** Transfers that a server works on at once; the rest wait for their turn. */
const MOST_AT_WORK = 512
/** Transfers that may stand still at once; beyond that, those end that have done so for long. */
const MOST_STANDING = 1_024
/** How long a reader may stand still while others need its place or its buffers, in ms. */
const PATIENCE_MS = 10_000
/** How long a reader may stand still at all, in ms. */
const LIMIT_MS = 300_000

/** Options of {@link Places}. */
export interface PlacesOptions {
  /** Transfers that are worked on at once. @default 512 */
  readonly atWork?: number | undefined
  /**
   * How long a reader may stand still while others need its place or its buffers, in ms.
   * @default 10000
   */
  readonly patienceMs?: number | undefined
  /** How long a reader may stand still at all, in ms. @default 300000 */
  readonly limitMs?: number | undefined
}

/** A transfer at its owner, as far as its place is concerned. */
export interface PlaceHolder {
  /** Fires when the transfer is over, or its reader is gone. */
  readonly signal: AbortSignal
  /** Ends the transfer and gives its resources back, because its reader does not read. */
  endIdle(reason: DyadError): void
}

/**
 * The places of a server for transfers. A transfer holds one while the server works for it, and
 * none while its reader takes nothing. So readers that do not read keep nobody waiting, however
 * many there are and however many peers they pretend to be. They keep what they hold beside (a
 * file, buffers, a connection) until others need it.
 */
export class Places {
  readonly #atWork: Slots
  /** Those that stand still, the longest first. */
  readonly #standing = new Set<Place>()
  readonly #patienceMs: number
  readonly #limitMs: number
  #timer: NodeJS.Timeout | undefined

  constructor({ atWork = MOST_AT_WORK, patienceMs = PATIENCE_MS, limitMs = LIMIT_MS }: PlacesOptions = {}) {
    this.#atWork = new Slots(atWork)
    this.#patienceMs = patienceMs
    this.#limitMs = limitMs
  }

  /** Resolves with a place, whose holder leaves it; rejects with the reason of its signal. */
  async take(holder: PlaceHolder): Promise<Place> {
    await this.#atWork.acquire(holder.signal)
    return new Place(holder, this.#atWork, this.#standing, () => this.#began())
  }

  /**
   * Ends the transfer that has stood still for longest, if that is `patienceMs`; returns whether it
   * did.
   */
  reclaim(): boolean {
    for (const longest of this.#standing) return this.#endAfter(longest, this.#patienceMs)
    return false
  }

  #began(): void {
    if (this.#standing.size > MOST_STANDING) this.reclaim()
    this.#timer ??= this.#endLater(this.#limitMs)
  }

  #endLater(ms: number): NodeJS.Timeout {
    return setTimeout(
      () => {
        this.#timer = undefined
        for (const place of this.#standing) {
          if (this.#endAfter(place, this.#limitMs)) continue
          this.#timer = this.#endLater(place.since + this.#limitMs - performance.now())
          return
        }
      },
      Math.max(1, ms),
    ).unref()
  }

  /** Ends a transfer that has stood still for `ms`; returns whether it did. */
  #endAfter(place: Place, ms: number): boolean {
    if (performance.now() - place.since < ms) return false
    this.#standing.delete(place)
    place.end(new DyadError('ERR_DYAD_TRANSFER', { detail: 'its reader takes nothing' }))
    return true
  }
}

/** One place. Its holder leaves it once. */
export class Place {
  /** When it began to stand still last, on the monotonic clock, in ms. */
  since = 0
  readonly #holder: PlaceHolder
  readonly #atWork: Slots
  readonly #standing: Set<Place>
  readonly #began: () => void
  #isAtWork = true

  constructor(holder: PlaceHolder, atWork: Slots, standing: Set<Place>, began: () => void) {
    this.#holder = holder
    this.#atWork = atWork
    this.#standing = standing
    this.#began = began
  }

  /** Settles as `reader` does, once the reader took something; others have the place meanwhile. */
  async rest<T>(reader: Promise<T>): Promise<T> {
    this.leave()
    this.since = performance.now()
    this.#standing.add(this)
    this.#began()
    try {
      return await reader
    } finally {
      this.#standing.delete(this)
    }
  }

  /**
   * As `rest`, and then takes a place again. Rejects with the reason of the holder's signal, too.
   */
  async restAndResume<T>(reader: Promise<T>): Promise<T> {
    const taken = await this.rest(reader)
    await this.#atWork.acquire(this.#holder.signal)
    this.#isAtWork = true
    return taken
  }

  /** Gives the place to others; leaving twice is no error. */
  leave(): void {
    if (!this.#isAtWork) return
    this.#isAtWork = false
    this.#atWork.release()
  }

  end(reason: DyadError): void {
    this.#holder.endIdle(reason)
  }
}
