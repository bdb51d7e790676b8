/**
 * MurmurHash3_x64_128 (Austin Appleby, public domain) as DYAD 0.2.0 computes it. DYAD's tail
 * differs from the original: every case of its switch over the last `length % 16` bytes ends in a
 * break, so only one byte is mixed in, byte 0 of the tail when the remainder is 1 and byte 8 when
 * it is 9, and none otherwise.
 *
 * A 64-bit number is two 32-bit ones here, the low and the high half, in variables of one function:
 * bigints took forty times as long, which was a fifth of an open, and objects that held the halves
 * three times as long.
 */

// The constants of the algorithm, in halves.
const C1_LOW = 0x1142_53d5
const C1_HIGH = 0x87c3_7b91
const C2_LOW = 0x2745_937f
const C2_HIGH = 0x4cf5_ad43
const N1 = 0x52dc_e729
const N2 = 0x3849_5ab5
const F1_LOW = 0xed55_8ccd
const F1_HIGH = 0xff51_afd7
const F2_LOW = 0x1a85_ec53
const F2_HIGH = 0xc4ce_b9fe

/**
 * The 128-bit hash as four 32-bit words, the lowest first. `seed` is an unsigned 32-bit integer.
 */
export function murmur3x64(bytes: Uint8Array, seed: number): [number, number, number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { length } = bytes
  const rest = length & 15
  let h1 = seed | 0
  let h1High = 0
  let h2 = seed | 0
  let h2High = 0
  let k = 0
  let high = 0
  let sum = 0
  const whole = length - rest
  for (let at = 0; at < whole; at += 16) {
    k = view.getInt32(at, true)
    high = view.getInt32(at + 4, true)
    // k1 = rotate(k1 * c1, 31) * c2
    high = (carry(k, C1_LOW) + Math.imul(k, C1_HIGH) + Math.imul(high, C1_LOW)) | 0
    k = Math.imul(k, C1_LOW)
    sum = (k << 31) | (high >>> 1)
    high = (high << 31) | (k >>> 1)
    k = sum
    h1High ^= (carry(k, C2_LOW) + Math.imul(k, C2_HIGH) + Math.imul(high, C2_LOW)) | 0
    h1 ^= Math.imul(k, C2_LOW)
    // h1 = (rotate(h1, 27) + h2) * 5 + n1
    sum = (h1 << 27) | (h1High >>> 5)
    h1High = (h1High << 27) | (h1 >>> 5)
    h1 = (sum + h2) | 0
    h1High = (h1High + h2High + (h1 >>> 0 < sum >>> 0 ? 1 : 0)) | 0
    h1High = (carry5(h1) + Math.imul(h1High, 5)) | 0
    sum = Math.imul(h1, 5)
    h1 = (sum + N1) | 0
    h1High = (h1High + (h1 >>> 0 < sum >>> 0 ? 1 : 0)) | 0

    k = view.getInt32(at + 8, true)
    high = view.getInt32(at + 12, true)
    // k2 = rotate(k2 * c2, 33) * c1
    high = (carry(k, C2_LOW) + Math.imul(k, C2_HIGH) + Math.imul(high, C2_LOW)) | 0
    k = Math.imul(k, C2_LOW)
    sum = (high << 1) | (k >>> 31)
    high = (k << 1) | (high >>> 31)
    k = sum
    h2High ^= (carry(k, C1_LOW) + Math.imul(k, C1_HIGH) + Math.imul(high, C1_LOW)) | 0
    h2 ^= Math.imul(k, C1_LOW)
    // h2 = (rotate(h2, 31) + h1) * 5 + n2
    sum = (h2 << 31) | (h2High >>> 1)
    h2High = (h2High << 31) | (h2 >>> 1)
    h2 = (sum + h1) | 0
    h2High = (h2High + h1High + (h2 >>> 0 < sum >>> 0 ? 1 : 0)) | 0
    h2High = (carry5(h2) + Math.imul(h2High, 5)) | 0
    sum = Math.imul(h2, 5)
    h2 = (sum + N2) | 0
    h2High = (h2High + (h2 >>> 0 < sum >>> 0 ? 1 : 0)) | 0
  }
  if (rest === 9) {
    // As k2, of one byte.
    k = bytes[whole + 8] as number
    high = (carry(k, C2_LOW) + Math.imul(k, C2_HIGH)) | 0
    k = Math.imul(k, C2_LOW)
    sum = (high << 1) | (k >>> 31)
    high = (k << 1) | (high >>> 31)
    k = sum
    h2High ^= (carry(k, C1_LOW) + Math.imul(k, C1_HIGH) + Math.imul(high, C1_LOW)) | 0
    h2 ^= Math.imul(k, C1_LOW)
  }
  if (rest === 1) {
    // As k1, of one byte.
    k = bytes[whole] as number
    high = (carry(k, C1_LOW) + Math.imul(k, C1_HIGH)) | 0
    k = Math.imul(k, C1_LOW)
    sum = (k << 31) | (high >>> 1)
    high = (high << 31) | (k >>> 1)
    k = sum
    h1High ^= (carry(k, C2_LOW) + Math.imul(k, C2_HIGH) + Math.imul(high, C2_LOW)) | 0
    h1 ^= Math.imul(k, C2_LOW)
  }
  h1 ^= length
  h2 ^= length
  h1 = (h1 + h2) | 0
  h1High = (h1High + h2High + (h1 >>> 0 < h2 >>> 0 ? 1 : 0)) | 0
  h2 = (h2 + h1) | 0
  h2High = (h2High + h1High + (h2 >>> 0 < h1 >>> 0 ? 1 : 0)) | 0
  // The finalization of each half: a shift by 33 leaves the high word, shifted by one, alone.
  h1 ^= h1High >>> 1
  h1High = (carry(h1, F1_LOW) + Math.imul(h1, F1_HIGH) + Math.imul(h1High, F1_LOW)) | 0
  h1 = Math.imul(h1, F1_LOW) ^ (h1High >>> 1)
  h1High = (carry(h1, F2_LOW) + Math.imul(h1, F2_HIGH) + Math.imul(h1High, F2_LOW)) | 0
  h1 = Math.imul(h1, F2_LOW) ^ (h1High >>> 1)
  h2 ^= h2High >>> 1
  h2High = (carry(h2, F1_LOW) + Math.imul(h2, F1_HIGH) + Math.imul(h2High, F1_LOW)) | 0
  h2 = Math.imul(h2, F1_LOW) ^ (h2High >>> 1)
  h2High = (carry(h2, F2_LOW) + Math.imul(h2, F2_HIGH) + Math.imul(h2High, F2_LOW)) | 0
  h2 = Math.imul(h2, F2_LOW) ^ (h2High >>> 1)
  h1 = (h1 + h2) | 0
  h1High = (h1High + h2High + (h1 >>> 0 < h2 >>> 0 ? 1 : 0)) | 0
  h2 = (h2 + h1) | 0
  h2High = (h2High + h1High + (h2 >>> 0 < h1 >>> 0 ? 1 : 0)) | 0
  return [h1 >>> 0, h1High >>> 0, h2 >>> 0, h2High >>> 0]
}

/**
 * The high word of the product of two unsigned words, from products of their halves, none of which
 * leaves 32 bits.
 */
function carry(a: number, b: number): number {
  const low = Math.imul(a & 0xffff, b & 0xffff)
  const inner = Math.imul(a >>> 16, b & 0xffff)
  const outer = Math.imul(a & 0xffff, b >>> 16)
  const middle = (low >>> 16) + (inner & 0xffff) + (outer & 0xffff)
  return (Math.imul(a >>> 16, b >>> 16) + (inner >>> 16) + (outer >>> 16) + (middle >>> 16)) | 0
}

/** As `carry` of a word and 5. */
function carry5(a: number): number {
  return ((a >>> 16) * 5 + (((a & 0xffff) * 5) >>> 16)) >>> 16
}
