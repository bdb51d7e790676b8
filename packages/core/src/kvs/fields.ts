import type { Plain, PlainMap } from './msgpack.js'

/** Reads the members of a decoded map with their types checked; throws a RangeError that names the member. */
export class Fields {
  readonly #map: PlainMap

  constructor(value: Plain) {
    if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) {
      throw new RangeError('not a map')
    }
    this.#map = value as PlainMap
  }

  text(name: string, maxBytes: number): string {
    const value = this.#map[name]
    if (typeof value !== 'string' || Buffer.byteLength(value) > maxBytes) throw new RangeError(`bad ${name}`)
    return value
  }

  /** A non-negative safe integer up to `max`. */
  count(name: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#map[name]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) {
      throw new RangeError(`bad ${name}`)
    }
    return value
  }

  bigint(name: string): bigint {
    const value = this.#map[name]
    if (typeof value !== 'bigint') throw new RangeError(`bad ${name}`)
    return value
  }

  /** Bytes, or undefined if there is no such member. */
  bytes(name: string): Uint8Array | undefined {
    const value = this.#map[name]
    if (value !== undefined && !(value instanceof Uint8Array)) throw new RangeError(`bad ${name}`)
    return value
  }

  list(name: string, max: number): readonly Plain[] {
    const value = this.#map[name]
    if (!Array.isArray(value) || value.length > max) throw new RangeError(`bad ${name}`)
    return value as readonly Plain[]
  }
}
