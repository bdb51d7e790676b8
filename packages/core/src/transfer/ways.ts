import type { TransportAddress } from './contract.js'

/** One way to a node: a transport, and the address at which the node offers it. */
interface Way {
  readonly node: string
  readonly transport: string
  readonly address: TransportAddress
}

interface Setback extends Way {
  count: number
  why: unknown
}

/** The ways over which one file is asked for, and which of them have failed it. */
export class Ways {
  readonly #setbacks: Setback[] = []
  #current: Way | undefined

  /** The file is asked for over this way now. */
  begin(node: string, transport: string, address: TransportAddress): void {
    this.#current = { node, transport, address }
  }

  /**
   * The way that was begun last has failed; does nothing if none was begun since the last failure.
   */
  failed(why: unknown): void {
    const way = this.#current
    this.#current = undefined
    if (way === undefined) return
    const known = this.setbackOf(way.node, way.transport, way.address)
    if (known === undefined) this.#setbacks.push({ ...way, count: 1, why })
    else {
      known.count++
      known.why = why
    }
  }

  /**
   * How often a way has failed this file and what with the last time, or undefined if it has not.
   */
  setbackOf(node: string, transport: string, address: TransportAddress): Setback | undefined {
    return this.#setbacks.find((way) => way.transport === transport && way.node === node && way.address === address)
  }
}
