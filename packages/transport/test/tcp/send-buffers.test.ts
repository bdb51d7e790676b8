import { test } from 'tap'
import { VERIFIED_BYTES } from '../../src/tcp/frames.js'
import { DATA_AT, SendBuffers } from '../../src/tcp/send-buffers.js'

const MIB = 1024 * 1024

test('buffers fit, are used again, and the large ones are few', (t) => {
  let scarce = 0
  const buffers = new SendBuffers(4 * MIB, () => scarce++)
  const small = buffers.take(40)
  t.ok(small.room >= 40 && small.room <= 65_536)
  t.equal(small.bytes.length, DATA_AT + small.room + VERIFIED_BYTES)
  buffers.give(small)
  t.equal(buffers.take(0), small)
  const large = Array.from({ length: 20 }, () => buffers.take(100 * MIB))
  t.equal(new Set(large).size, 20)
  t.equal(large.filter(({ room }) => room === 4 * MIB).length, 8, '32 MiB of them')
  t.ok(
    large.every(({ room }) => room >= 65_536),
    'and small ones for the rest',
  )
  t.equal(scarce, 12, 'each of which is told of')
  const first = large.find(({ room }) => room === 4 * MIB)
  if (first !== undefined) buffers.give(first)
  t.equal(buffers.take(100 * MIB), first)
  t.equal(new SendBuffers(4096, () => {}).take(MIB).room, 4096)
  t.end()
})
