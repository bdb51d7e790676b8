import { report } from '../diagnostics.js'
import type { KvsClient, KvsOutage } from './contract.js'

/** The callbacks of a call that waits for a store. */
export interface OutageListener {
  /** Called when the store goes away meanwhile, and at once if it is away already. */
  onStoreLost?: ((outage: KvsOutage) => void) | undefined
  /** Called when the store is back. */
  onStoreBack?: (() => void) | undefined
}

/** A listener, from `begin` to `end`. */
export interface OutageWait {
  readonly listener: OutageListener
  /** Its index among the waits. */
  place: number
}

/**
 * Reports on the diagnostics channels, and to listeners, that the store of a client went away, and
 * that it is back. The maker disposes of it.
 */
export class Outages implements Disposable {
  readonly #kvs: KvsClient
  readonly #stop: () => void
  /** An array instead of a Set, since waits begin and end thousands of times a second. */
  readonly #waiting: OutageWait[] = []
  #last: KvsOutage | undefined

  constructor(kvs: KvsClient) {
    this.#kvs = kvs
    this.#stop = kvs.onOutage((outage) => this.#tell(outage))
  }

  /** The outage at this moment. */
  get current(): KvsOutage | undefined {
    return this.#kvs.outage
  }

  /**
   * Calls the listener until the work settles. An error that the listener throws is uncaught, and
   * does not fail the work.
   */
  during<T>(listener: OutageListener, work: () => Promise<T>): Promise<T> {
    const waiting = this.begin(listener)
    return waiting === undefined ? work() : this.#until(waiting, work)
  }

  async #until<T>(waiting: OutageWait, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } finally {
      this.end(waiting)
    }
  }

  /** Calls the listener until `end`. Undefined if it has no callback. */
  begin(listener: OutageListener): OutageWait | undefined {
    if (listener.onStoreLost === undefined && listener.onStoreBack === undefined) return undefined
    const waiting = { listener, place: 0 }
    waiting.place = this.#waiting.push(waiting) - 1
    if (this.current !== undefined) tellOne(listener, this.current)
    return waiting
  }

  end(waiting: OutageWait | undefined): void {
    if (waiting === undefined) return
    const last = this.#waiting.pop()
    if (last === undefined || last === waiting) return
    this.#waiting[waiting.place] = last
    last.place = waiting.place
  }

  [Symbol.dispose](): void {
    this.#stop()
  }

  #tell(outage: KvsOutage | undefined): void {
    if (outage !== undefined) report('dyad.kvs.lost', outage)
    else if (this.#last !== undefined) {
      const { address, since } = this.#last
      report('dyad.kvs.back', { address, since })
    }
    this.#last = outage
    for (const { listener } of this.#waiting) tellOne(listener, outage)
  }
}

function tellOne(listener: OutageListener, outage: KvsOutage | undefined): void {
  queueMicrotask(() => (outage === undefined ? listener.onStoreBack?.() : listener.onStoreLost?.(outage)))
}

/** Returns an outage as a clause for a person. */
export function outageText({ address, since, why }: KvsOutage): string {
  return `the store ${address} has been away since ${new Date(since).toISOString()}: ${why.message}`
}
