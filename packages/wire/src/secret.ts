import { createHash, timingSafeEqual } from 'node:crypto'

/** SHA-256 of a text, 32 bytes. */
export function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Compares digests, whose equal length timingSafeEqual needs, so that the time taken tells nothing. */
export function isSameDigest(one: Uint8Array, other: Uint8Array): boolean {
  return timingSafeEqual(one, other)
}
