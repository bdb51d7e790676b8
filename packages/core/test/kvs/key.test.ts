import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { keyOf } from '../../src/kvs/key.js'

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
