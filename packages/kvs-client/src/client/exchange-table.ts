import type { Exchange } from './exchange.js'

/**
 * Places of an empty table, in 16 KiB; a power of two, as every number of places. Half of them are
 * as many calls as a program usually has under way at once.
 */
const FEWEST = 1024

/**
 * What is under way, by id: each has the place that the low bits of its id name, and ids whose
 * place is taken are left out.
 *
 * A Map would do, but for what it leaves behind: V8's ordered tables are made anew as entries come
 * and go, and each names the one after it, so that one old table keeps all later ones, and every
 * call that is in them, until the next major collection: some 500 B for each call of a busy
 * connection, and tens of MiB before it comes.
 */
export class ExchangeTable {
  #exchanges: (Exchange | undefined)[] = new Array(FEWEST).fill(undefined)
  #ids = new Float64Array(FEWEST)
  #nextId = 1
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Takes it in, and gives it the next id that has a place; ids rise, and none comes twice. */
  add(exchange: Exchange): number {
    // Half of the places stay free, so that one is found soon.
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

  /** Gives back what it took out. */
  delete(id: number): Exchange | undefined {
    const exchange = this.get(id)
    if (exchange === undefined) return undefined
    this.#exchanges[this.#placeOf(id)] = undefined
    this.#size--
    // A hundred thousand may have waited at once, and need no room any more.
    if (this.#size === 0 && this.#exchanges.length > FEWEST) this.#resize(FEWEST)
    return exchange
  }

  /** All of now, with their ids, in the order in which they came. */
  entries(): [id: number, exchange: Exchange][] {
    const entries: [number, Exchange][] = []
    for (const [place, exchange] of this.#exchanges.entries()) {
      if (exchange !== undefined) entries.push([this.#ids[place] as number, exchange])
    }
    return entries.sort(([a], [b]) => a - b)
  }

  #placeOf(id: number): number {
    // The low 32 bits are those of the number, however long it is.
    return id & (this.#exchanges.length - 1)
  }

  #resize(places: number): void {
    const entries = this.entries()
    this.#exchanges = new Array(places).fill(undefined)
    this.#ids = new Float64Array(places)
    for (const [id, exchange] of entries) {
      // Two that had a place each among fewer have one each among more.
      const place = this.#placeOf(id)
      this.#exchanges[place] = exchange
      this.#ids[place] = id
    }
  }
}
