import { isUtf8 } from 'node:buffer'
import { broken } from './owner-error.js'

const WORD = 2 ** 32

/** Writes a safe integer as 8 bytes, big endian: two halves, since a bigint costs more. */
export function writeInteger(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / WORD), at)
  bytes.writeUInt32BE(value % WORD, at + 4)
}

/** Reads what `writeInteger` wrote. ERR_DYAD_PROTOCOL beyond 2^53. */
export function readInteger(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32BE(at) * WORD + bytes.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(value)) throw broken('an integer beyond 2^53')
  return value
}

/** All of `bytes` as text. ERR_DYAD_PROTOCOL unless it is UTF-8. */
export function readText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw broken('a text that is not UTF-8')
  return bytes.toString('utf8')
}
