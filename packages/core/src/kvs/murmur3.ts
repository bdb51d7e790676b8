/**
 * MurmurHash3_x64_128 (Austin Appleby, public domain) as DYAD 0.2.0 computes it. DYAD's tail differs from the original: every case of
 * its switch over the last `length % 16` bytes ends in a break, so only one byte is mixed in, byte 0 of the tail when the
 * remainder is 1 and byte 8 when it is 9, and none otherwise.
 *
 * A 64-bit number is two 32-bit ones here, the low and the high half: bigints took forty times as long, which was a fifth of an open.
 */

/** A 64-bit number that is worked on in place; both halves are unsigned. */
class Word {
  low = 0
  high = 0

  set(low: number, high: number): this {
    this.low = low >>> 0
    this.high = high >>> 0
    return this
  }

  add(low: number, high: number): this {
    const sum = this.low + low
    return this.set(sum, this.high + high + (sum > 0xffff_ffff ? 1 : 0))
  }

  xor(low: number, high: number): this {
    return this.set(this.low ^ low, this.high ^ high)
  }

  /** To the left, by 1 to 31 or 33 to 63 bits. */
  rotate(by: number): this {
    const low = by < 32 ? this.low : this.high
    const high = by < 32 ? this.high : this.low
    const bits = by & 31
    return this.set((low << bits) | (high >>> (32 - bits)), (high << bits) | (low >>> (32 - bits)))
  }

  multiply(low: number, high: number): this {
    const a0 = this.low & 0xffff
    const a1 = this.low >>> 16
    const b0 = low & 0xffff
    const b1 = low >>> 16
    // In 32 unsigned bits: the product of two halves of 16 bits leaves room for two more such halves.
    const inner = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16)
    const outer = (Math.imul(a0, b1) >>> 0) + (inner & 0xffff)
    const carried = (Math.imul(a1, b1) >>> 0) + (inner >>> 16) + (outer >>> 16)
    return this.set(Math.imul(this.low, low), carried + Math.imul(this.low, high) + Math.imul(this.high, low))
  }

  /** The finalization of the hash. A shift by 33 leaves the high half, shifted by one, alone. */
  finalize(): this {
    this.xor(this.high >>> 1, 0).multiply(0xed55_8ccd, 0xff51_afd7)
    this.xor(this.high >>> 1, 0).multiply(0x1a85_ec53, 0xc4ce_b9fe)
    return this.xor(this.high >>> 1, 0)
  }
}

const k = new Word()

/** The 128-bit hash as four 32-bit words, the lowest first. `seed` is an unsigned 32-bit integer. */
export function murmur3x64(bytes: Uint8Array, seed: number): [number, number, number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blocks = bytes.length >> 4
  const h1 = new Word().set(seed, 0)
  const h2 = new Word().set(seed, 0)
  for (let at = 0; at < blocks * 16; at += 16) {
    mix1(h1, view.getUint32(at, true), view.getUint32(at + 4, true))
    h1.rotate(27).add(h2.low, h2.high).multiply(5, 0).add(0x52dc_e729, 0)
    mix2(h2, view.getUint32(at + 8, true), view.getUint32(at + 12, true))
    h2.rotate(31).add(h1.low, h1.high).multiply(5, 0).add(0x3849_5ab5, 0)
  }
  const rest = bytes.length & 15
  if (rest === 9) mix2(h2, bytes[blocks * 16 + 8] as number, 0)
  if (rest === 1) mix1(h1, bytes[blocks * 16] as number, 0)
  h1.xor(bytes.length, 0)
  h2.xor(bytes.length, 0)
  h1.add(h2.low, h2.high)
  h2.add(h1.low, h1.high)
  h1.finalize()
  h2.finalize()
  h1.add(h2.low, h2.high)
  h2.add(h1.low, h1.high)
  return [h1.low, h1.high, h2.low, h2.high]
}

function mix1(h: Word, low: number, high: number): void {
  k.set(low, high).multiply(0x1142_53d5, 0x87c3_7b91).rotate(31).multiply(0x2745_937f, 0x4cf5_ad43)
  h.xor(k.low, k.high)
}

function mix2(h: Word, low: number, high: number): void {
  k.set(low, high).multiply(0x2745_937f, 0x4cf5_ad43).rotate(33).multiply(0x1142_53d5, 0x87c3_7b91)
  h.xor(k.low, k.high)
}
