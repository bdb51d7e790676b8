import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * The frame of the contents of a log file. The file begins with the name of the format, a mark of
 * its own, and a checksum of both. Batches follow. The header of each has the same mark, the length
 * of its body, and a checksum of mark, place in the file, length and body. The mark is random: a
 * reader searches for it to find the end of damage, and no stored value can pass for a batch.
 * Numbers are little-endian.
 */

/** The first bytes of every log file. */
const MAGIC = Buffer.from('DYADLOG2')
const MARK_BYTES = 8
/** Bytes before the first batch. */
export const FILE_HEADER_BYTES: number = MAGIC.length + MARK_BYTES + 4
/** Bytes before the body of a batch. */
export const BATCH_HEADER_BYTES: number = MARK_BYTES + 4 + 4
const LENGTH_AT = MARK_BYTES
const CHECKSUM_AT = MARK_BYTES + 4
const HALF = 2 ** 32

const place = Buffer.alloc(8)

/** Returns the mark of a new log file. */
export function newMark(): Buffer {
  return randomBytes(MARK_BYTES)
}

/** Returns the header of a log file of this mark. */
export function fileHeader(mark: Buffer): Buffer {
  const header = Buffer.concat([MAGIC, mark, Buffer.alloc(4)])
  header.writeUInt32LE(crc32(header.subarray(0, -4)), header.length - 4)
  return header
}

/** The mark in the first bytes of a log file, or why there is none. */
export type HeaderFound = { readonly mark: Buffer } | { readonly fault: string; readonly isOtherVersion?: boolean }

export function readFileHeader(header: Buffer): HeaderFound {
  if (header.length < FILE_HEADER_BYTES) return { fault: `is too short for a log: ${header.length} bytes` }
  const name = header.subarray(0, MAGIC.length)
  if (!name.equals(MAGIC)) {
    const isOtherVersion = name.subarray(0, -1).equals(MAGIC.subarray(0, -1))
    const format = name.toString('latin1')
    return {
      fault: isOtherVersion ? `has the format ${format}, and this version reads ${MAGIC}` : 'is no log',
      isOtherVersion,
    }
  }
  const whole = header.readUInt32LE(FILE_HEADER_BYTES - 4) === crc32(header.subarray(0, FILE_HEADER_BYTES - 4))
  if (!whole) return { fault: 'is damaged at byte 0' }
  return { mark: Buffer.from(header.subarray(MAGIC.length, MAGIC.length + MARK_BYTES)) }
}

/**
 * Returns the possible marks of a file with a damaged header: the mark of the header, and that of
 * its first batch.
 */
export function possibleMarks(start: Buffer): Buffer[] {
  return [MAGIC.length, FILE_HEADER_BYTES].map((at) => Buffer.from(start.subarray(at, at + MARK_BYTES)))
}

/** Completes the header of a batch for its place in a file. */
export function sealBatch(batch: Buffer, mark: Buffer, at: number): void {
  mark.copy(batch, 0)
  batch.writeUInt32LE(batch.length - BATCH_HEADER_BYTES, LENGTH_AT)
  batch.writeUInt32LE(checksumOf(batch, at), CHECKSUM_AT)
}

/**
 * Returns the length of the body that a header declares, or undefined if it is no header of this
 * file.
 */
export function bodyLength(header: Buffer, mark: Buffer): number | undefined {
  const isOurs = header.compare(mark, 0, MARK_BYTES, 0, MARK_BYTES) === 0
  return isOurs ? header.readUInt32LE(LENGTH_AT) : undefined
}

/** Returns true if the bytes are a whole batch at its place in the file. */
export function isWhole(batch: Buffer, at: number): boolean {
  return batch.readUInt32LE(CHECKSUM_AT) === checksumOf(batch, at)
}

function checksumOf(batch: Buffer, at: number): number {
  place.writeUInt32LE(Math.floor(at / HALF), place.writeUInt32LE(at % HALF, 0))
  const head = crc32(batch.subarray(0, CHECKSUM_AT), crc32(place))
  return crc32(batch.subarray(BATCH_HEADER_BYTES), head)
}
