import { MAX_VALUE_BYTES } from '@dyad-ts/core'

/**
 * The stamp and the value of a record in one piece, as they are stored and sent: eight bytes of
 * revision, six of the epoch of the put, then the value. Short pieces are strings of one byte a
 * character, which take less than half the memory of a Buffer.
 */
export type Packed = string | Buffer

const REVISION_BYTES = 8
/** Bytes of an epoch. It is random, so that no two starts of any stores have the same. */
export const EPOCH_BYTES = 6
/** Bytes in front of the value. */
export const STAMP_BYTES: number = REVISION_BYTES + EPOCH_BYTES
/** The epoch of entries that were not put. */
export const NO_EPOCH: string = Buffer.alloc(EPOCH_BYTES).toString('base64url')
/** Longest piece kept as a string, in bytes. Longer ones would burden the collector. */
const SHORT_BYTES = 1024
const HALF = 2 ** 32

const scratch = Buffer.allocUnsafeSlow(SHORT_BYTES)

/** Returns a copy of `value` with its stamp. */
export function pack(value: Uint8Array, revision: number, epoch: string = NO_EPOCH): Packed {
  const length = STAMP_BYTES + value.length
  const short = length <= SHORT_BYTES
  const bytes = short ? scratch : Buffer.allocUnsafeSlow(length)
  bytes.set(value, writeStamp(bytes, 0, revision, epoch))
  return short ? bytes.toString('latin1', 0, length) : bytes
}

/** Returns the piece that {@link copyPacked} wrote. */
export function unpack(bytes: Buffer, start: number, end: number): Packed {
  if (end - start <= SHORT_BYTES) return bytes.toString('latin1', start, end)
  return Buffer.from(bytes.subarray(start, end))
}

/** Writes the piece to `target`, and returns its end. */
export function copyPacked(packed: Packed, target: Buffer, at: number): number {
  return at + (typeof packed === 'string' ? target.write(packed, at, 'latin1') : packed.copy(target, at))
}

export function revisionOf(packed: Packed): number {
  if (typeof packed !== 'string') return readRevision(packed, 0)
  const low = byte(packed, 0) + byte(packed, 1) * 2 ** 8 + byte(packed, 2) * 2 ** 16 + byte(packed, 3) * 2 ** 24
  const high = byte(packed, 4) + byte(packed, 5) * 2 ** 8 + byte(packed, 6) * 2 ** 16 + byte(packed, 7) * 2 ** 24
  return low + high * HALF
}

/** Returns the epoch of the store's start in which the record was put. */
export function epochOf(packed: Packed): string {
  if (typeof packed !== 'string') return readEpoch(packed, REVISION_BYTES)
  return Buffer.from(packed.slice(REVISION_BYTES, STAMP_BYTES), 'latin1').toString('base64url')
}

/** Returns the value. Its memory is the caller's if the piece is a string. */
export function bytesOf(packed: Packed): Buffer {
  if (typeof packed !== 'string') return packed.subarray(STAMP_BYTES)
  return Buffer.from(packed, 'latin1').subarray(STAMP_BYTES)
}

/** Writes a revision and an epoch, and returns their end. */
export function writeStamp(target: Buffer, at: number, revision: number, epoch: string): number {
  const end = writeRevision(target, at, revision)
  if (epoch !== last.epoch) last = { epoch, bytes: Buffer.from(epoch, 'base64url') }
  const { bytes } = last
  for (let i = 0; i < EPOCH_BYTES; i++) target[end + i] = bytes[i] as number
  return end + EPOCH_BYTES
}

/** Reads the revision and the epoch before a value. */
export function readStamp(bytes: Buffer, at: number): { revision: number; epoch: string } {
  return { revision: readRevision(bytes, at), epoch: readEpoch(bytes, at + REVISION_BYTES) }
}

/** The epoch written or read last: most records of a store have the same. */
let last = { epoch: NO_EPOCH, bytes: Buffer.alloc(EPOCH_BYTES) }

function readEpoch(bytes: Buffer, at: number): string {
  for (let i = 0; i < EPOCH_BYTES; i++) if (bytes[at + i] !== last.bytes[i]) return readAnother(bytes, at)
  return last.epoch
}

function readAnother(bytes: Buffer, at: number): string {
  const epoch = Buffer.from(bytes.subarray(at, at + EPOCH_BYTES))
  last = { epoch: epoch.toString('base64url'), bytes: epoch }
  return last.epoch
}

/** Writes an integer up to 2^53 − 1 in eight bytes, and returns its end. */
function writeRevision(target: Buffer, at: number, revision: number): number {
  return target.writeUInt32LE(Math.floor(revision / HALF), target.writeUInt32LE(revision % HALF, at))
}

function readRevision(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * HALF
}

function byte(packed: string, at: number): number {
  return packed.charCodeAt(at)
}

/** Longest piece, in bytes. */
export const MAX_PACKED_BYTES: number = STAMP_BYTES + MAX_VALUE_BYTES
