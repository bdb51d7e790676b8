import type { Exchange } from './exchange.js'

/**
 * Places of an empty table, in 16 KiB: a power of two, like every size. A program usually has up to
 * half as many calls under way.
 */
const FEWEST = 1024

/**
 * The exchanges under way, by id. The low bits of an id name its place; ids whose place is taken
 * are left out.
 *
 * It is not a Map, because V8 remakes its ordered tables as entries come and go, and each old table
 * refers to the next. So one old table keeps all later ones, and every call in them, until the next
 * major collection. That takes some 500 B for each call of a busy connection, and tens of MiB
 * before the collection.
 */
export class ExchangeTable {
  #exchanges: (Exchange | undefined)[] = new Array(FEWEST).fill(undefined)
  #ids = new Float64Array(FEWEST)
  #nextId = 1
  #size = 0

  get size(): number {
    return this.#size
  }

  /**
   * Adds an exchange and returns its id: the next one with a free place. Ids rise and never repeat.
   */
  add(exchange: Exchange): number {
    // Half of the places stay free, so that the search is short.
    if (this.#size * 2 >= this.#exchanges.length) this.#resize(this.#exchanges.length * 2)
    let id = this.#nextId
    let place = this.#placeOf(id)
    while (this.#exchanges[place] !== undefined) place = this.#placeOf(++id)
    this.#nextId = id + 1
    this.#exchanges[place] = exchange
    this.#ids[place] = id
    this.#size++
    return id
  }

  get(id: number): Exchange | undefined {
    const place = this.#placeOf(id)
    return this.#ids[place] === id ? this.#exchanges[place] : undefined
  }

  /** Removes and returns an exchange. */
  delete(id: number): Exchange | undefined {
    const exchange = this.get(id)
    if (exchange === undefined) return undefined
    this.#exchanges[this.#placeOf(id)] = undefined
    this.#size--
    // Shrinks after a peak, for example of a hundred thousand waits.
    if (this.#size === 0 && this.#exchanges.length > FEWEST) this.#resize(FEWEST)
    return exchange
  }

  /** Returns all exchanges with their ids, oldest first. */
  entries(): [id: number, exchange: Exchange][] {
    const entries: [number, Exchange][] = []
    for (const [place, exchange] of this.#exchanges.entries()) {
      if (exchange !== undefined) entries.push([this.#ids[place] as number, exchange])
    }
    return entries.sort(([a], [b]) => a - b)
  }

  #placeOf(id: number): number {
    // `&` takes the low 32 bits of any number.
    return id & (this.#exchanges.length - 1)
  }

  #resize(places: number): void {
    const entries = this.entries()
    this.#exchanges = new Array(places).fill(undefined)
    this.#ids = new Float64Array(places)
    for (const [id, exchange] of entries) {
      // Ids with different places in a smaller table have different places in a larger one.
      const place = this.#placeOf(id)
      this.#exchanges[place] = exchange
      this.#ids[place] = id
    }
  }
}
