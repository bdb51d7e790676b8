import { LEASE_MS } from './frames.js'

/**
 * The time after the start of a broker on records of an earlier one, in which leases that the
 * earlier one gave may still be trusted: it knew them, this one does not.
 */
export class Grace {
  readonly #former: number
  readonly #over: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  /** `former` is the highest revision that the earlier broker gave, 0 if there was none. */
  constructor(former: number) {
    this.#former = former
    if (former > 0) this.#timer = setTimeout(() => this.#end(), LEASE_MS + 1).unref()
  }

  /** Whether somebody may hold a lease on a record of this revision that nobody here knows of. */
  covers(revision: number): boolean {
    return this.#timer !== undefined && revision <= this.#former
  }

  /** Calls `over` when no such lease can be left. */
  await(over: () => void): void {
    this.#over.push(over)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #end(): void {
    this.#timer = undefined
    for (const over of this.#over.splice(0)) over()
  }
}
