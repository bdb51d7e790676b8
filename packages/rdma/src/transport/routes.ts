import type { TransportAddress } from '@dyad-ts/core'
import type { Verbs } from '../verbs/library.js'
import type { End } from './address.js'
import { fabricAddresses, routeTo } from './fabric.js'

/**
 * Time for which a result is kept, in ms. Interfaces come and go, and a look for each small file
 * would cost more than its fetch.
 */
const BELIEVED_MS = 10_000
const MAX_KNOWN = 1024

interface Known {
  readonly end: End | undefined
  readonly until: number
}

/** Finds the address of an owner that is on a fabric of this host. */
export class Routes {
  readonly #verbs: Verbs
  readonly #known = new Map<string, Known>()

  constructor(verbs: Verbs) {
    this.#verbs = verbs
  }

  /** Returns the last choice for `address`, or undefined if it is too old. */
  chosen(address: TransportAddress): End | undefined {
    const known = this.#known.get(address)
    return known !== undefined && performance.now() < known.until ? known.end : undefined
  }

  /**
   * Resolves with the first of the `ends` of `address` to which packets leave from a verbs device
   * of this host, or with undefined if there is none.
   */
  async choose(address: TransportAddress, ends: readonly End[]): Promise<End | undefined> {
    const now = performance.now()
    const known = this.#known.get(address)
    if (known !== undefined && now < known.until) return known.end
    // An end that was chosen before may be back soon. A fetch from it fails with the cause, and the
    // consumer tries again as long as its patience lasts.
    const end = (await this.#look(ends)) ?? known?.end
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(address, { end, until: now + BELIEVED_MS })
    return end
  }

  async #look(ends: readonly End[]): Promise<End | undefined> {
    const ours = fabricAddresses(this.#verbs)
    for (const end of ends) {
      const source = await routeTo(end).catch(() => undefined)
      if (source !== undefined && ours.includes(source)) return end
    }
    return undefined
  }
}
