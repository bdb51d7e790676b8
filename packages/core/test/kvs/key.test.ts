import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { keyOf } from '../../src/kvs/key.js'
import { murmur3x64 } from '../../src/kvs/murmur3.js'

interface Vector {
  path: string
  depth: number
  bins: number
  key: string
}

test('keys are bit-equal with those that DYAD 0.2.0 printed', async (t) => {
  const file = new URL('../../../../test/vectors/dyad-keys.json', import.meta.url)
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }
  t.equal(vectors.length, 116)
  for (const { path, depth, bins, key } of vectors) t.equal(keyOf(path, depth, bins), key)
})

test('depth 0 has no bins', async (t) => t.equal(keyOf('a/b', 0, 1024), 'a/b'))

test('a path is padded to 128 bytes of UTF-8, whatever was padded before', async (t) => {
  const paths = [
    'x'.repeat(300),
    'a',
    'x'.repeat(127),
    'b',
    'x'.repeat(128),
    'c',
    'é'.repeat(63),
    'é'.repeat(64),
    `${'x'.repeat(126)}€`,
  ]
  for (const path of paths) {
    const utf8 = Buffer.from(path)
    const bytes = Buffer.concat([utf8, Buffer.alloc(Math.max(0, 128 - utf8.length), '@')])
    const [a, b, c, d] = murmur3x64(bytes, 57 + 104_677)
    t.equal(keyOf(path, 1, 2 ** 32 - 1), `${(((a ^ b ^ c ^ d) >>> 0) % (2 ** 32 - 1)).toString(16)}.${path}`)
  }
})
