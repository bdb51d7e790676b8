import { report } from '../diagnostics.js'
import type { KvsClient, KvsOutage } from './contract.js'

/** Who waits for a store, and wants to know when there is no store to wait for. */
export interface OutageListener {
  /** Told when the store goes away meanwhile, and at once if it is away already. */
  onStoreLost?: ((outage: KvsOutage) => void) | undefined
  /** Told when it is back. */
  onStoreBack?: (() => void) | undefined
}

/** A listener that is told. */
export interface OutageWait {
  readonly listener: OutageListener
  /** Where it stands among those who wait. */
  place: number
}

/**
 * Tells the diagnostics, and whoever waits, that the store of a client went away, and that it is
 * back. Whoever made it disposes it.
 */
export class Outages implements Disposable {
  readonly #kvs: KvsClient
  readonly #stop: () => void
  /** An array and no Set, since waits begin and end thousands of times a second. */
  readonly #waiting: OutageWait[] = []
  #last: KvsOutage | undefined

  constructor(kvs: KvsClient) {
    this.#kvs = kvs
    this.#stop = kvs.onOutage((outage) => this.#tell(outage))
  }

  /** What there is at this moment. */
  get current(): KvsOutage | undefined {
    return this.#kvs.outage
  }

  /**
   * Tells the listener what happens until the work settles. What it throws is uncaught, and no
   * error of the work.
   */
  async during<T>(listener: OutageListener, work: () => Promise<T>): Promise<T> {
    const waiting = this.begin(listener)
    try {
      return await work()
    } finally {
      this.end(waiting)
    }
  }

  /** Tells the listener what happens until `end`. Undefined if it listens to nothing. */
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

/** What is wrong with a store, as a clause for a person. */
export function outageText({ address, since, why }: KvsOutage): string {
  return `the store ${address} has been away since ${new Date(since).toISOString()}: ${why.message}`
}
