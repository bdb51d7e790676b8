import { isDyadError } from '@dyad-ts/core'
import { Packr } from 'msgpackr'
import { test } from 'tap'
import { checkBounds } from '../src/bounds.js'

const encode = (value: unknown) => new Packr({ useRecords: false }).pack(value)

test('whole frames pass', async (t) => {
  const values = [
    null,
    true,
    0,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 40,
    -1,
    -33,
    -129,
    -32_769,
    -(2 ** 31) - 1,
    1.5,
    123n,
    '',
    'a'.repeat(31),
    'a'.repeat(32),
    'a'.repeat(300),
    'a'.repeat(70_000),
    Buffer.alloc(10),
    Buffer.alloc(300),
    Buffer.alloc(70_000),
    [],
    [1, [2, [3]]],
    Array.from({ length: 20 }, (_, i) => i),
    { a: 1, b: { c: 'd' } },
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
  ]
  for (const value of values)
    t.doesNotThrow(() => checkBounds(encode(value)), JSON.stringify(String(value).slice(0, 20)))
})

test('frames that lie about their lengths are refused', async (t) => {
  const hostile = {
    empty: [],
    'array32 of four thousand million': [0xdd, 0xff, 0xff, 0xff, 0xff],
    'array16 beyond the frame': [0xdc, 0x00, 0x10, 1, 2],
    'map32 beyond the frame': [0xdf, 0x7f, 0xff, 0xff, 0xff, 1],
    'bin32 beyond the frame': [0xc6, 0x00, 0x00, 0x00, 0x05, 1, 2],
    'str8 without its bytes': [0xd9, 0x03, 0x61],
    'half a float': [0xcb, 1, 2, 3],
    'half a length': [0xdd, 0x00],
    'bytes after the frame': [0x01, 0x02],
    'an extension': [0xd4, 0x72, 0x40],
    'the unused type': [0xc1],
    'nested too deep': [...Array.from({ length: 12 }, () => 0x91), 0x01],
  }
  for (const [name, bytes] of Object.entries(hostile)) {
    t.throws(() => checkBounds(Uint8Array.from(bytes)), { code: 'ERR_DYAD_PROTOCOL' }, name)
  }
})

test('a frame has no more values than its reader expects', (t) => {
  checkBounds(encode({ a: [1, 2], b: { c: 3 } }), 9)
  t.throws(() => checkBounds(encode({ a: [1, 2], b: { c: 3 } }), 8), { code: 'ERR_DYAD_PROTOCOL' })
  t.throws(() => checkBounds(encode({ a: [1, 2], b: { c: 3 } }), 0), { code: 'ERR_DYAD_PROTOCOL' })
  checkBounds(encode(Array(4_095).fill(0)))
  t.throws(() => checkBounds(encode(Array(4_096).fill(0))), { code: 'ERR_DYAD_PROTOCOL' })
  t.end()
})

test('no random frame does more than throw ERR_DYAD_PROTOCOL', async (t) => {
  let seed = 1
  const random = () => (seed = (seed * 48_271) % 2_147_483_647)
  let refused = 0
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: random() % 40 }, () => random() % 256)
    try {
      checkBounds(bytes)
    } catch (error) {
      if (!isDyadError(error, 'ERR_DYAD_PROTOCOL')) t.fail('another error', { error })
      refused++
    }
  }
  t.ok(refused > 10_000, `${refused} refused`)
})
