import { BATCH_HEADER_BYTES } from './log-frame.js'
import { copyPacked, type Packed, readStamp, STAMP_BYTES, unpack, writeStamp } from './packed.js'

/**
 * The contents of a batch of a log file: operations. The operations of one turn are one batch, and
 * a start replays it whole or not at all. Numbers are little-endian.
 */

/** A batch of this size is written; one operation may exceed it. */
export const FULL_BATCH_BYTES = 1024 * 1024
/** Longest batch, in bytes. */
export const MAX_BATCH_BYTES = 4 * FULL_BATCH_BYTES
const FIRST_BYTES = 64 * 1024
/** Most bytes of an operation in addition to its texts and value. */
const OVERHEAD_BYTES = 24

const PUT = 1
const DELETE = 2
const CREATE = 3
const REMOVE = 4
const CEILING = 5
const EPOCH = 6

/** Receives operations as they are replayed. `id` is the number of a namespace. */
export interface Operations {
  put(id: number, key: string, packed: Packed): void
  delete(id: number, key: string): void
  create(id: number, name: string, nonce: string): void
  remove(id: number): void
  ceiling(ceiling: number): void
  /** Begins a start of the store. `latest` is the highest revision among the puts before it. */
  epoch(epoch: string, latest: number): void
}

/** Collects operations. */
export class LogBatch implements Operations {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #length = BATCH_HEADER_BYTES

  get length(): number {
    return this.#length
  }

  put(id: number, key: string, packed: Packed): void {
    const at = this.#begin(PUT, id, key.length * 3 + packed.length)
    const keyEnd = this.#text(at + 4, key)
    this.#bytes.writeUInt32LE(packed.length, at)
    this.#length = copyPacked(packed, this.#bytes, keyEnd)
  }

  delete(id: number, key: string): void {
    this.#length = this.#text(this.#begin(DELETE, id, key.length * 3), key)
  }

  /**
   * Ends a batch of a base that another batch follows, with a change of a record that does not
   * exist. The last batch of a base ends otherwise, so that its absence is noticed.
   */
  goesOn(): void {
    this.delete(0, '')
  }

  create(id: number, name: string, nonce: string): void {
    const at = this.#begin(CREATE, id, (name.length + nonce.length) * 3)
    this.#length = this.#text(this.#text(at, name), nonce)
  }

  remove(id: number): void {
    this.#length = this.#begin(REMOVE, id, 0)
  }

  ceiling(ceiling: number): void {
    this.#length = this.#bytes.writeDoubleLE(ceiling, this.#begin(CEILING, 0, 0))
  }

  epoch(epoch: string, latest: number): void {
    this.#length = writeStamp(this.#bytes, this.#begin(EPOCH, 0, 0), latest, epoch)
  }

  /** The batch, with its header left free. {@link clear} reuses its memory. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = BATCH_HEADER_BYTES
    if (this.#bytes.length > FULL_BATCH_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }

  #begin(type: number, id: number, most: number): number {
    const needed = this.#length + OVERHEAD_BYTES + most
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(grown, 0, 0, this.#length)
      this.#bytes = grown
    }
    return this.#bytes.writeUInt32LE(id, this.#bytes.writeUInt8(type, this.#length))
  }

  #text(at: number, text: string): number {
    const length = this.#bytes.write(text, at + 2, 'utf8')
    this.#bytes.writeUInt16LE(length, at)
    return at + 2 + length
  }
}

/**
 * Replays the operations of one batch. Returns true if the last of them changes a record.
 * RangeError for malformed operations.
 */
export function replayBatch(body: Buffer, into: Operations): boolean {
  let at = 0
  let type = 0
  const text = () => {
    const start = at + 2
    at = start + body.readUInt16LE(at)
    if (at > body.length) throw new RangeError('a text exceeds its batch')
    return body.toString('utf8', start, at)
  }
  while (at < body.length) {
    type = body.readUInt8(at)
    const id = body.readUInt32LE(at + 1)
    at += 5
    switch (type) {
      case PUT: {
        const length = body.readUInt32LE(at)
        at += 4
        const key = text()
        if (length < STAMP_BYTES || length > body.length - at) throw new RangeError('a value exceeds its batch')
        into.put(id, key, unpack(body, at, at + length))
        at += length
        break
      }
      case DELETE:
        into.delete(id, text())
        break
      case CREATE: {
        const name = text()
        into.create(id, name, text())
        break
      }
      case REMOVE:
        into.remove(id)
        break
      case CEILING:
        into.ceiling(body.readDoubleLE(at))
        at += 8
        break
      case EPOCH: {
        if (body.length - at < STAMP_BYTES) throw new RangeError('an epoch exceeds its batch')
        const { epoch, revision } = readStamp(body, at)
        into.epoch(epoch, revision)
        at += STAMP_BYTES
        break
      }
      default:
        throw new RangeError(`no such operation: ${type}`)
    }
  }
  return type === PUT || type === DELETE
}
