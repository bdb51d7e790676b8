import { createHash } from 'node:crypto'

const BLOCK = 64 * 1024

/** `size` bytes that depend on `seed` and on their place, in blocks. */
export function* contents(size: number, seed: number): Generator<Buffer> {
  for (let at = 0; at < size; at += BLOCK) {
    const block = Buffer.alloc(Math.min(BLOCK, size - at), `${seed}:${at};`)
    yield block
  }
}

/** Digest of the same bytes. */
export function digestOf(size: number, seed: number): string {
  const hash = createHash('sha256')
  for (const block of contents(size, seed)) hash.update(block)
  return hash.digest('hex')
}
