import type { SendRequest } from '../verbs/queue-pair.js'
import { FileLanding } from './file-landing.js'
import type { Grant } from './frames.js'
import type { Landing, Part, Promised } from './landing.js'

/**
 * What the owner of one transfer is granted: a place for what comes next, in a landing, for as long
 * as there are bytes without one.
 */
export class Grants {
  /** Bytes of the transfer. */
  readonly #size: number
  /** Where the next bytes are granted a place. */
  #landing: Landing | undefined
  /** Where bytes were granted a place before that. */
  #earlier: Landing | undefined
  /** What was granted and is not filled, in order. */
  readonly #promised: Part[] = []
  #granted = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Bytes of the transfer that were granted a place so far. */
  get granted(): number {
    return this.#granted
  }

  /** Whether the next bytes go straight into a file. */
  get goIntoFile(): boolean {
    return this.#landing instanceof FileLanding
  }

  /** What is granted from now on has its place there; what was granted before keeps its own. */
  land(landing: Landing): void {
    this.#earlier = this.#landing
    this.#landing = landing
  }

  /** A place for what comes next, if there is one. */
  next(): Promised | undefined {
    const left = this.#size - this.#granted
    if (left === 0) return undefined
    // Where nothing is under way and a file takes nothing, what was there before it does: the bytes
    // are stored from there, or that says why they cannot be.
    const promised = this.#landing?.next(left) ?? (this.#promised.length === 0 ? this.#earlier?.next(left) : undefined)
    if (promised === undefined) return undefined
    this.#granted += promised.part.length
    this.#promised.push(promised.part)
    return promised
  }

  /** Everything that may be granted now, and what must be done before. */
  all(): { grants: Grant[]; before: SendRequest[] } {
    const grants: Grant[] = []
    const before: SendRequest[] = []
    for (let promised = this.next(); promised !== undefined; promised = this.next()) {
      grants.push(promised.grant)
      before.push(...promised.before)
    }
    return { grants, before }
  }

  /** The owner has filled a place: the part there, or undefined if none was granted. */
  filled(): Part | undefined {
    return this.#promised.shift()
  }

  /** Whether the owner has yet to fill what it was granted. */
  get areOpen(): boolean {
    return this.#promised.length > 0
  }

  /** The owner writes no more; resolves when it cannot. */
  async withdraw(): Promise<void> {
    await Promise.all([this.#earlier?.withdraw(), this.#landing?.withdraw()])
  }

  /** Nobody looks at any part any more. */
  leave(): void {
    this.#earlier?.leave()
    this.#landing?.leave()
  }

  /**
   * As if nothing had been granted: the owner was lost before it answered, and another connection
   * needs a landing of its own.
   */
  reset(): void {
    this.leave()
    this.#earlier = undefined
    this.#landing = undefined
    this.#promised.length = 0
    this.#granted = 0
  }
}
