import { MAX_VALUE_BYTES } from '@dyad/core'

/**
 * A revision and a value in one piece, as they are stored and sent: eight bytes of revision, then the value. Short ones are strings of one
 * byte a character, which take less than half the memory of a Buffer.
 */
export type Packed = string | Buffer

/** Bytes of the revision in front of the value. */
export const REVISION_BYTES = 8
/** Longest piece kept as a string, in bytes; longer ones would burden the collector. */
const SHORT_BYTES = 1024
const HALF = 2 ** 32

const scratch = Buffer.allocUnsafeSlow(SHORT_BYTES)

/** A copy of `value` and its revision. */
export function pack(value: Uint8Array, revision: number): Packed {
  const length = REVISION_BYTES + value.length
  const short = length <= SHORT_BYTES
  const bytes = short ? scratch : Buffer.allocUnsafeSlow(length)
  writeRevision(bytes, 0, revision)
  bytes.set(value, REVISION_BYTES)
  return short ? bytes.toString('latin1', 0, length) : bytes
}

/** The same from bytes that were written by {@link copyPacked}. */
export function unpack(bytes: Buffer, start: number, end: number): Packed {
  if (end - start <= SHORT_BYTES) return bytes.toString('latin1', start, end)
  return Buffer.from(bytes.subarray(start, end))
}

/** Writes the piece to `target`; returns where it ends. */
export function copyPacked(packed: Packed, target: Buffer, at: number): number {
  return at + (typeof packed === 'string' ? target.write(packed, at, 'latin1') : packed.copy(target, at))
}

export function revisionOf(packed: Packed): number {
  if (typeof packed !== 'string') return readRevision(packed, 0)
  const low = byte(packed, 0) + byte(packed, 1) * 2 ** 8 + byte(packed, 2) * 2 ** 16 + byte(packed, 3) * 2 ** 24
  const high = byte(packed, 4) + byte(packed, 5) * 2 ** 8 + byte(packed, 6) * 2 ** 16 + byte(packed, 7) * 2 ** 24
  return low + high * HALF
}

/** The value; its memory is the caller's if the piece is a string. */
export function bytesOf(packed: Packed): Buffer {
  if (typeof packed !== 'string') return packed.subarray(REVISION_BYTES)
  return Buffer.from(packed, 'latin1').subarray(REVISION_BYTES)
}

/** Writes an integer up to 2^53 − 1 in eight bytes; returns where they end. */
export function writeRevision(target: Buffer, at: number, revision: number): number {
  return target.writeUInt32LE(Math.floor(revision / HALF), target.writeUInt32LE(revision % HALF, at))
}

export function readRevision(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * HALF
}

function byte(packed: string, at: number): number {
  return packed.charCodeAt(at)
}

/** Longest piece there is, in bytes. */
export const MAX_PACKED_BYTES = REVISION_BYTES + MAX_VALUE_BYTES
