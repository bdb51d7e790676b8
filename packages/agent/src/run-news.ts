import type { DyadCore, KvsOutage } from '@dyad-ts/core'

/** Most items of a run, and most characters of each. */
const MOST_ITEMS = 100
const MOST_CHARACTERS = 4_096

/** A message for a person during a run. */
export interface NewsItem {
  /** The store goes away or is back, a later failure elsewhere, or a failed request. */
  readonly kind: 'store' | 'warning' | 'failure'
  readonly text: string
}

/** The messages of a run, in order and in bounded memory. */
export class RunNews {
  readonly #items: NewsItem[] = []
  readonly #texts = new Set<string>()
  readonly #waiting = new Set<() => void>()
  #outage: KvsOutage | undefined

  /** Adds an item, unless the run has the same one. */
  addOnce(kind: NewsItem['kind'], said: string): void {
    const text = said.slice(0, MOST_CHARACTERS)
    if (this.#texts.has(text) || this.#items.length >= MOST_ITEMS) return
    this.#texts.add(text)
    this.#add({ kind, text })
  }

  /** Adds items when the store of a session goes away or is back, until the signal fires. */
  watchStore(session: DyadCore, signal: AbortSignal): void {
    if (signal.aborted) return
    const watch = session.watchStore({
      onStoreLost: (outage) => this.#lost(outage),
      onStoreBack: () => this.#back(),
    })
    signal.addEventListener('abort', () => watch[Symbol.dispose](), { once: true })
  }

  /** Returns the items from index `from` on. */
  since(from: number): readonly NewsItem[] {
    return this.#items.slice(from)
  }

  /** Resolves once there is an item `from`, or when the signal fires. */
  waitFor(from: number, signal: AbortSignal): Promise<void> {
    if (this.#items.length > from || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }

  #lost(outage: KvsOutage): void {
    if (this.#outage?.since === outage.since) return
    this.#outage = outage
    this.#add({ kind: 'store', text: `waiting for the store ${outage.address} (${outage.why.message}) …` })
  }

  #back(): void {
    if (this.#outage === undefined) return
    const { address, since } = this.#outage
    this.#outage = undefined
    const seconds = ((Date.now() - since) / 1_000).toFixed(1)
    this.#add({ kind: 'store', text: `the store ${address} is back after ${seconds} s` })
  }

  #add(item: NewsItem): void {
    if (this.#items.length >= MOST_ITEMS) return
    this.#items.push(item)
    for (const wake of [...this.#waiting]) wake()
  }
}
