import { wrongFrame } from './frames.js'

/** Longest name, in bytes. */
const MOST_NAME_BYTES = 3_800
const REPLACEMENT = '\uFFFD'

/** Reads the fields of a frame's body in order. ERR_DYAD_PROTOCOL beyond its end. */
export class Body {
  #bytes: Buffer
  #at: number
  #end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Reads flags. Only those in `known` may be set. */
  flags(known: number): number {
    const flags = this.#bytes[this.#take(1)] ?? 0
    if ((flags & ~known) !== 0) throw wrongFrame(`flags ${flags}`)
    return flags
  }

  number16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  /** Reads a text. Undefined if it is not UTF-8. */
  text(most = 65_535): string | undefined {
    const length = this.number16()
    if (length > most) throw wrongFrame(`a text of ${length} bytes`)
    const start = this.#take(length)
    const text = this.#bytes.toString('utf8', start, start + length)
    if (!text.includes(REPLACEMENT)) return text
    return Buffer.from(text).equals(this.#bytes.subarray(start, start + length)) ? text : undefined
  }

  /** Reads a name. Undefined if it is not UTF-8, and so no managed path. */
  name(): string | undefined {
    const start = this.#at
    const name = this.text()
    const length = this.#at - start - 2
    if (length === 0 || length > MOST_NAME_BYTES) throw wrongFrame(`a name of ${length} bytes`)
    const shown = name ?? this.#bytes.toString('utf8', start + 2, this.#at)
    if (!isNormalized(shown)) throw wrongFrame(`${JSON.stringify(shown.slice(0, 300))} is no name`)
    return name
  }

  /** Reads a name, or '' for a place that is not managed. */
  nameOrNone(): string | undefined {
    if (this.#end - this.#at >= 2 && this.#bytes.readUInt16LE(this.#at) === 0) return this.text()
    return this.name()
  }

  /** ERR_DYAD_PROTOCOL if bytes are left. */
  done(): void {
    if (this.#at !== this.#end) throw wrongFrame(`${this.#end - this.#at} bytes too many`)
  }

  #take(length: number): number {
    const at = this.#at
    if (this.#end - at < length) throw wrongFrame('a frame ends before its body does')
    this.#at += length
    return at
  }
}

/** Returns true if no component is empty, `.` or `..`, and none contains NUL. */
function isNormalized(name: string): boolean {
  if (name.includes('\0')) return false
  return name.split('/').every((component) => component !== '' && component !== '.' && component !== '..')
}
