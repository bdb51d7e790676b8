import type { TransportAddress } from '@dyad-ts/core'
import type { Verbs } from '../verbs/library.js'
import type { End } from './address.js'
import { fabricAddresses, routeTo } from './fabric.js'

/**
 * How long what was found out is believed, in ms: interfaces come and go, and asking for each small
 * file would cost more than fetching it.
 */
const BELIEVED_MS = 10_000
const MAX_KNOWN = 1024

interface Known {
  readonly end: End | undefined
  readonly until: number
}

/** Which of an owner's addresses lies on a fabric that this host shares. */
export class Routes {
  readonly #verbs: Verbs
  readonly #known = new Map<string, Known>()

  constructor(verbs: Verbs) {
    this.#verbs = verbs
  }

  /** What was chosen for `address` last, as long as it is believed. */
  chosen(address: TransportAddress): End | undefined {
    const known = this.#known.get(address)
    return known !== undefined && performance.now() < known.until ? known.end : undefined
  }

  /**
   * The first of the `ends` of `address` to which packets leave from a verbs device of this host;
   * undefined if there is none.
   */
  async choose(address: TransportAddress, ends: readonly End[]): Promise<End | undefined> {
    const now = performance.now()
    const known = this.#known.get(address)
    if (known !== undefined && now < known.until) return known.end
    // A way that was there once may be back soon: whoever tries it learns why it is not there, and
    // goes on trying for as long as there is patience.
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
