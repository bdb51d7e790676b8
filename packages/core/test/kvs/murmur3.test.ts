import { test } from 'tap'
import { murmur3x64 } from '../../src/kvs/murmur3.js'

test('without a tail it is MurmurHash3_x64_128', async (t) => {
  // Printed by the reference implementation's Python binding.
  const known: [Uint8Array, number, bigint, bigint][] = [
    [Buffer.from(''), 0, 0n, 0n],
    [Buffer.from(''), 57, 0xaf1b837175bf486bn, 0xeb71228cc738b9e6n],
    [Buffer.from('0123456789abcdef'), 0, 0x4be06d94cf4ad1a7n, 0x87c35b5c63a708dan],
    [Buffer.from('0123456789abcdef'), 0xffff_ffff, 0xedc64dbc8436d82fn, 0xd3b02d3e14f215e2n],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 104_734, 0xf037f7249d59e5a0n, 0x2c0dadbe5579a57cn],
    [Buffer.alloc(128, '@'), 104_734, 0x88de30be1b3441efn, 0x62918f569e80c243n],
  ]
  const halves = ([a, b, c, d]: readonly number[]) => [word(a, b), word(c, d)]
  const word = (low = 0, high = 0) => (BigInt(high) << 32n) | BigInt(low)
  for (const [bytes, seed, low, high] of known) t.strictSame(halves(murmur3x64(bytes, seed)), [low, high])
})

test('of a tail only the byte counts that DYAD mixes in', async (t) => {
  const block = Buffer.alloc(16, 'x')
  const hash = (tail: number[]) => murmur3x64(Buffer.concat([block, Uint8Array.from(tail)]), 1).join()
  for (let length = 1; length <= 15; length++) {
    const zeros = Array.from({ length }, () => 0)
    for (let at = 0; at < length; at++) {
      const other = hash(zeros.map((_, i) => (i === at ? 1 : 0)))
      const counts = (length === 1 && at === 0) || (length === 9 && at === 8)
      t.equal(other !== hash(zeros), counts, `byte ${at} of ${length}`)
    }
  }
})

test('a view into a larger buffer hashes as a copy of it', async (t) => {
  const whole = Uint8Array.from({ length: 50 }, (_, i) => i)
  t.strictSame(murmur3x64(whole.subarray(3, 36), 7), murmur3x64(whole.slice(3, 36), 7))
})
