/**
 * MurmurHash3_x64_128 (Austin Appleby, public domain) as DYAD 0.2.0 computes it. DYAD's tail differs from the original: every case of
 * its switch over the last `length % 16` bytes ends in a break, so only one byte is mixed in, byte 0 of the tail when the
 * remainder is 1 and byte 8 when it is 9, and none otherwise.
 */

const MASK = 0xffff_ffff_ffff_ffffn
const C1 = 0x87c3_7b91_1142_53d5n
const C2 = 0x4cf5_ad43_2745_937fn

/** The 128-bit hash as two 64-bit halves, low half first. `seed` is an unsigned 32-bit integer. */
export function murmur3x64(bytes: Uint8Array, seed: number): [bigint, bigint] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blocks = bytes.length >> 4
  let h1 = BigInt(seed)
  let h2 = h1
  for (let i = 0; i < blocks; i++) {
    h1 ^= mix1(view.getBigUint64(i * 16, true))
    h1 = (((rotate(h1, 27n) + h2) & MASK) * 5n + 0x52dc_e729n) & MASK
    h2 ^= mix2(view.getBigUint64(i * 16 + 8, true))
    h2 = (((rotate(h2, 31n) + h1) & MASK) * 5n + 0x3849_5ab5n) & MASK
  }
  const rest = bytes.length & 15
  if (rest === 9) h2 ^= mix2(BigInt(bytes[blocks * 16 + 8] as number))
  if (rest === 1) h1 ^= mix1(BigInt(bytes[blocks * 16] as number))
  const length = BigInt(bytes.length)
  h1 ^= length
  h2 ^= length
  h1 = (h1 + h2) & MASK
  h2 = (h2 + h1) & MASK
  h1 = finalize(h1)
  h2 = finalize(h2)
  h1 = (h1 + h2) & MASK
  h2 = (h2 + h1) & MASK
  return [h1, h2]
}

function mix1(k: bigint): bigint {
  return (rotate((k * C1) & MASK, 31n) * C2) & MASK
}

function mix2(k: bigint): bigint {
  return (rotate((k * C2) & MASK, 33n) * C1) & MASK
}

function rotate(x: bigint, by: bigint): bigint {
  return ((x << by) | (x >> (64n - by))) & MASK
}

function finalize(k: bigint): bigint {
  let x = ((k ^ (k >> 33n)) * 0xff51_afd7_ed55_8ccdn) & MASK
  x = ((x ^ (x >> 33n)) * 0xc4ce_b9fe_1a85_ec53n) & MASK
  return x ^ (x >> 33n)
}
