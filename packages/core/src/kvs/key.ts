import { murmur3x64 } from './murmur3.js'

const FIRST_SEED = 57
const SEED_STEPS = [104677, 104681, 104683, 104693, 104701, 104707, 104711, 104717, 104723, 104729]
/** DYAD pads shorter paths with `@` to this many bytes before it hashes them. */
const PADDED_BYTES = 128
const PADDED = Buffer.alloc(PADDED_BYTES)

/**
 * The key of a managed path: `depth` hash bins in lower-case hex, then the path, joined with dots,
 * as DYAD 0.2.0 spells it (`263.2ce.2e1.1/data0.txt`), so that both sides of a C program's
 * namespace agree.
 * @param path managed path
 * @param depth levels of bins, from 0
 * @param bins bins a level, 1 to 2^32 − 1
 */
export function keyOf(path: string, depth: number, bins: number): string {
  const bytes = padded(path)
  let key = ''
  let seed = FIRST_SEED
  for (let level = 0; level < depth; level++) {
    seed += SEED_STEPS[level % SEED_STEPS.length] as number
    key += `${(fold(murmur3x64(bytes, seed)) % bins).toString(16)}.`
  }
  return key + path
}

/** A path in UTF-8, with its padding if it is short; then it is overwritten by the next call. */
function padded(path: string): Uint8Array {
  if (Buffer.byteLength(path) >= PADDED_BYTES) return Buffer.from(path)
  PADDED.fill('@').write(path)
  return PADDED
}

/** The four 32-bit words of the hash, xored: an unsigned 32-bit number. */
function fold([a, b, c, d]: readonly [number, number, number, number]): number {
  return (a ^ b ^ c ^ d) >>> 0
}
