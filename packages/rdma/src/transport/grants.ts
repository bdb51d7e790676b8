import type { SendRequest } from '../verbs/queue-pair.js'
import { FileLanding } from './file-landing.js'
import type { Grant } from './frames.js'
import type { Landing, Part, Promised } from './landing.js'

/**
 * The grants of one transfer to its owner. Each names a place in a landing for the next bytes,
 * until all bytes have one.
 */
export class Grants {
  /** Number of bytes of the transfer. */
  readonly #size: number
  /** Landing of the next grants. */
  #landing: Landing | undefined
  /** Landing of the grants before that. */
  #earlier: Landing | undefined
  /** Parts that are granted and not filled, in order. */
  readonly #promised: Part[] = []
  #granted = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Number of bytes that have been granted a place. */
  get granted(): number {
    return this.#granted
  }

  /** Whether the next bytes go straight into a file. */
  get goIntoFile(): boolean {
    return this.#landing instanceof FileLanding
  }

  /** Makes grants in `landing` from now on. Earlier ones keep their places. */
  land(landing: Landing): void {
    this.#earlier = this.#landing
    this.#landing = landing
  }

  /** Grants a place for the next bytes. Returns undefined if there is none now. */
  next(): Promised | undefined {
    const left = this.#size - this.#granted
    if (left === 0) return undefined
    // If no grant is open and the file has no place, the earlier landing has one. Storing the bytes
    // from there succeeds, or fails with the cause.
    const promised = this.#landing?.next(left) ?? (this.#promised.length === 0 ? this.#earlier?.next(left) : undefined)
    if (promised === undefined) return undefined
    this.#granted += promised.part.length
    this.#promised.push(promised.part)
    return promised
  }

  /** Grants all places that there are now. Returns them with the requests that must go before. */
  all(): { grants: Grant[]; before: SendRequest[] } {
    const grants: Grant[] = []
    const before: SendRequest[] = []
    for (let promised = this.next(); promised !== undefined; promised = this.next()) {
      grants.push(promised.grant)
      before.push(...promised.before)
    }
    return { grants, before }
  }

  /** Returns the part that the owner has filled, or undefined if none is granted. */
  filled(): Part | undefined {
    return this.#promised.shift()
  }

  /** Whether a grant is not filled yet. */
  get areOpen(): boolean {
    return this.#promised.length > 0
  }

  /** Withdraws all grants. Resolves once the owner cannot write any more. */
  async withdraw(): Promise<void> {
    await Promise.all([this.#earlier?.withdraw(), this.#landing?.withdraw()])
  }

  /** Gives the places back, since the reader uses no part any more. */
  leave(): void {
    this.#earlier?.leave()
    this.#landing?.leave()
  }

  /**
   * Forgets all grants. The owner was lost before it answered, and another connection needs a
   * landing of its own.
   */
  reset(): void {
    this.leave()
    this.#earlier = undefined
    this.#landing = undefined
    this.#promised.length = 0
    this.#granted = 0
  }
}
