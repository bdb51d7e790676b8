import { isUtf8 } from 'node:buffer'

/**
 * As much of msgpack as records and node entries need, written and read here because @dyad-ts/core
 * depends on nothing and because the bytes come from strangers: the reader allocates nothing that
 * the bytes do not hold.
 */

/** What can be encoded. Undefined members of a map are left out. */
export type Plain = null | boolean | number | bigint | string | Uint8Array | readonly Plain[] | PlainMap
export interface PlainMap {
  readonly [key: string]: Plain | undefined
}

const MAX_DEPTH = 8

/**
 * Encodes a value. Numbers must be safe integers; a bigint is always written as 64 bits, so that it
 * is read back as one.
 */
export function encodePlain(value: Plain): Uint8Array {
  const writer = new Writer()
  writer.value(value)
  return writer.written
}

/**
 * Decodes exactly one value; throws a RangeError that says what is wrong. Byte strings are views
 * into `bytes`.
 */
export function decodePlain(bytes: Uint8Array): Plain {
  const reader = new Reader(bytes)
  const value = reader.value(0)
  if (!reader.atEnd) throw new RangeError('bytes after the value')
  return value
}

/** A text of fewer bytes is written with its length in one byte. */
const SHORT = 32
/** Room for most records, in bytes. */
const FIRST_BYTES = 512

class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #at = 0

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  value(value: Plain): void {
    if (value === null) this.#byte(0xc0)
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2)
    else if (typeof value === 'number') this.#integer(value)
    else if (typeof value === 'bigint') this.#at = this.#header(0xd3, 8).writeBigInt64BE(value, this.#at)
    else if (typeof value === 'string') this.#text(value)
    else if (value instanceof Uint8Array) {
      this.#length(0xc6, value.length)
      this.#room(value.length).set(value, this.#at)
      this.#at += value.length
    } else if (isArray(value)) {
      if (value.length < 16) this.#byte(0x90 | value.length)
      else this.#length(0xdd, value.length)
      for (const item of value) this.value(item)
    } else this.#map(value)
  }

  #map(map: PlainMap): void {
    let count = 0
    for (const key in map) if (map[key] !== undefined) count++
    if (count < 16) this.#byte(0x80 | count)
    else this.#length(0xdf, count)
    for (const key in map) {
      const item = map[key]
      if (item === undefined) continue
      this.#text(key)
      this.value(item)
    }
  }

  #text(text: string): void {
    if (text.length < SHORT && this.#ascii(text)) return
    const length = Buffer.byteLength(text)
    if (length < SHORT) this.#byte(0xa0 | length)
    else this.#length(0xdb, length)
    this.#at += this.#room(length).write(text, this.#at)
  }

  /**
   * Writes a short text if it is ASCII, character by character: most are keys, and a call into the
   * system takes longer.
   */
  #ascii(text: string): boolean {
    const bytes = this.#room(1 + SHORT)
    const from = this.#at + 1
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[from + i] = code
    }
    bytes[this.#at] = 0xa0 | text.length
    this.#at = from + text.length
    return true
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`)
    if (value >= 0 && value < 128) this.#byte(value)
    else if (value >= 0 && value <= 0xffff_ffff) this.#length(0xce, value)
    else this.#at = this.#header(0xcb, 8).writeDoubleBE(value, this.#at)
  }

  /** A type and a length, or another number of 32 bits. */
  #length(type: number, length: number): void {
    this.#at = this.#header(type, 4).writeUInt32BE(length, this.#at)
  }

  /** A type, with room for so many bytes after it. */
  #header(type: number, bytes: number): Buffer {
    this.#byte(type)
    return this.#room(bytes)
  }

  #byte(byte: number): void {
    this.#room(1)[this.#at++] = byte
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#at + bytes, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#at)
      this.#bytes = larger
    }
    return this.#bytes
  }
}

// Array.isArray does not narrow a readonly array.
function isArray(value: readonly Plain[] | PlainMap): value is readonly Plain[] {
  return Array.isArray(value)
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  value(depth: number): Plain {
    if (depth > MAX_DEPTH) throw new RangeError('nested too deep')
    const type = this.#uint(1)
    if (type <= 0x7f) return type
    if (type >= 0xe0) return type - 0x100
    if (type <= 0x8f) return this.#map(type & 0x0f, depth)
    if (type <= 0x9f) return this.#array(type & 0x0f, depth)
    if (type <= 0xbf) return this.#text(type & 0x1f)
    switch (type) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#slice(this.#uint(1 << (type - 0xc4)))
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#take(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (type - 0xcc))
      case 0xcf:
        return this.#bytes.readBigUInt64BE(this.#take(8))
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const width = 1 << (type - 0xd0)
        return this.#bytes.readIntBE(this.#take(width), width)
      }
      case 0xd3:
        return this.#bytes.readBigInt64BE(this.#take(8))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (type - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(type === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(type === 0xde ? 2 : 4), depth)
      default:
        throw new RangeError(`type 0x${type.toString(16)} is not used`)
    }
  }

  /** Where the next `length` bytes begin, which are read now. */
  #take(length: number): number {
    const from = this.#at
    if (length > this.#bytes.length - from) throw new RangeError('ends early')
    this.#at = from + length
    return from
  }

  #slice(length: number): Buffer {
    const from = this.#take(length)
    return this.#bytes.subarray(from, this.#at)
  }

  #uint(width: number): number {
    const from = this.#take(width)
    let value = 0
    for (let at = from; at < this.#at; at++) value = value * 0x100 + (this.#bytes[at] as number)
    return value
  }

  #text(length: number): string {
    const from = this.#take(length)
    if (length < SHORT && this.#isAscii(from)) return this.#bytes.toString('latin1', from, this.#at)
    const bytes = this.#bytes.subarray(from, this.#at)
    // Otherwise two texts that differ would read as one.
    if (!isUtf8(bytes)) throw new RangeError('a text that is not UTF-8')
    return bytes.toString()
  }

  /** Whether what was taken from `from` on is ASCII, which is read faster. */
  #isAscii(from: number): boolean {
    for (let at = from; at < this.#at; at++) if ((this.#bytes[at] as number) > 0x7f) return false
    return true
  }

  #array(length: number, depth: number): Plain[] {
    const items: Plain[] = []
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1))
    return items
  }

  #map(length: number, depth: number): PlainMap {
    // No prototype, so that a member named __proto__ is a member like any other.
    const members = Object.create(null) as Record<string, Plain>
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1)
      if (typeof key !== 'string') throw new RangeError('a key that is no string')
      members[key] = this.value(depth + 1)
    }
    return members
  }
}
