import { wrongFrame } from './frames.js'

/** Longest name, in bytes. */
const MOST_NAME_BYTES = 3_800
const REPLACEMENT = '\uFFFD'

/** Reads the fields of a frame's body, one after the other. ERR_DYAD_PROTOCOL beyond its end. */
export class Body {
  #bytes: Buffer
  #at: number
  #end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Flags of which only those in `known` may be set. */
  flags(known: number): number {
    const flags = this.#bytes[this.#take(1)] ?? 0
    if ((flags & ~known) !== 0) throw wrongFrame(`flags ${flags}`)
    return flags
  }

  number16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  /** A text; undefined if it is no UTF-8. */
  text(most = 65_535): string | undefined {
    const length = this.number16()
    if (length > most) throw wrongFrame(`a text of ${length} bytes`)
    const start = this.#take(length)
    const text = this.#bytes.toString('utf8', start, start + length)
    if (!text.includes(REPLACEMENT)) return text
    return Buffer.from(text).equals(this.#bytes.subarray(start, start + length)) ? text : undefined
  }

  /** A name; undefined if it is no UTF-8, and no managed path therefore. */
  name(): string | undefined {
    const start = this.#at
    const name = this.text()
    const length = this.#at - start - 2
    if (length === 0 || length > MOST_NAME_BYTES) throw wrongFrame(`a name of ${length} bytes`)
    const shown = name ?? this.#bytes.toString('utf8', start + 2, this.#at)
    if (!isNormalized(shown)) throw wrongFrame(`${JSON.stringify(shown.slice(0, 300))} is no name`)
    return name
  }

  /** A name, or '' for a place that is not managed. */
  nameOrNone(): string | undefined {
    if (this.#end - this.#at >= 2 && this.#bytes.readUInt16LE(this.#at) === 0) return this.text()
    return this.name()
  }

  /** ERR_DYAD_PROTOCOL if anything is left. */
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

/** Whether no component is empty, `.` or `..`, and no NUL is in it. */
function isNormalized(name: string): boolean {
  if (name.includes('\0')) return false
  return name.split('/').every((component) => component !== '' && component !== '.' && component !== '..')
}
