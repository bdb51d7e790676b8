import { LEASE_MS } from './frames.js'

/**
 * The time after a broker's start during which clients may still trust leases of an earlier broker
 * on the same records. This broker does not know those leases.
 */
export class Grace {
  readonly #former: number
  readonly #over: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  /** @param former the highest revision that the earlier broker gave, 0 if there was none */
  constructor(former: number) {
    this.#former = former
    if (former > 0) this.#timer = setTimeout(() => this.#end(), LEASE_MS + 1).unref()
  }

  /** Returns true if a client may hold an unknown lease on a record of this revision. */
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
