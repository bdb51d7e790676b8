import { posix } from 'node:path'
import { managedPathFault } from '../managed-path.js'
import { nodeIdFault } from '../node-id.js'

/** Longest path of a directory, in UTF-8 bytes, as Linux has it. */
const MAX_DIRECTORY_BYTES = 4_096

/** Found to be sound last: thousands of records that follow name the same node and directory. */
let soundNode = 'A'
let soundDirectory = '/'

/**
 * Reads the members of a map that came from elsewhere with everything checked; throws a RangeError
 * that names the member.
 */
export class Fields {
  readonly #map: Readonly<Record<string, unknown>>

  constructor(value: unknown) {
    if (!isMap(value)) throw new RangeError('not a map')
    this.#map = value
  }

  text(name: string, maxBytes: number): string {
    const value = this.#map[name]
    if (typeof value !== 'string' || Buffer.byteLength(value) > maxBytes || !value.isWellFormed()) {
      throw new RangeError(`bad ${name}`)
    }
    return value
  }

  /** A text, or undefined if there is no such member. */
  textIfAny(name: string, maxBytes: number): string | undefined {
    return this.#map[name] === undefined ? undefined : this.text(name, maxBytes)
  }

  /** The name of an epoch of a store, or undefined if there is no such member. */
  epochIfAny(name: string): string | undefined {
    const value = this.textIfAny(name, 16)
    if (value !== undefined && !/^[\w-]+$/.test(value)) throw new RangeError(`bad ${name}`)
    return value
  }

  /** A managed path. */
  path(name: string): string {
    const value = this.#map[name]
    const fault = managedPathFault(value)
    if (typeof value !== 'string' || fault !== undefined) throw new RangeError(`bad ${name}: ${fault}`)
    return value
  }

  /** The id of a node. */
  node(name: string): string {
    const value = this.#map[name]
    if (value === soundNode) return soundNode
    if (typeof value !== 'string' || nodeIdFault(value) !== undefined) throw new RangeError(`bad ${name}`)
    soundNode = value
    return value
  }

  /** The path of a directory at its node: absolute and normalized. */
  directory(name: string): string {
    if (this.#map[name] === soundDirectory) return soundDirectory
    const value = this.text(name, MAX_DIRECTORY_BYTES)
    const isNormal = value === '/' || (posix.normalize(value) === value && !value.endsWith('/'))
    if (!value.startsWith('/') || value.includes('\0') || !isNormal) throw new RangeError(`bad ${name}`)
    soundDirectory = value
    return value
  }

  directories(name: string, max: number): string[] {
    return this.list(name, max).map((directory) => new Fields({ [name]: directory }).directory(name))
  }

  /** A safe integer from `min` to `max`. */
  count(name: string, max: number = Number.MAX_SAFE_INTEGER, min = 0): number {
    const value = this.#map[name]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw new RangeError(`bad ${name}`)
    }
    return value
  }

  /** A signed integer of 64 bits. */
  bigint(name: string): bigint {
    const value = this.#map[name]
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw new RangeError(`bad ${name}`)
    return value
  }

  /** Bytes, or undefined if there is no such member. */
  bytes(name: string): Uint8Array | undefined {
    const value = this.#map[name]
    if (value !== undefined && !(value instanceof Uint8Array)) throw new RangeError(`bad ${name}`)
    return value
  }

  /** The members of a map, or undefined if there is no such member. */
  map(name: string): Fields | undefined {
    const value = this.#map[name]
    if (value === undefined) return undefined
    if (!isMap(value)) throw new RangeError(`bad ${name}`)
    return new Fields(value)
  }

  list(name: string, max: number): readonly unknown[] {
    const value = this.#map[name]
    if (!Array.isArray(value) || value.length > max) throw new RangeError(`bad ${name}`)
    return value
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)
}
