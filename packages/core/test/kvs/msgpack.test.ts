import { test } from 'tap'
import { decodePlain, encodePlain, type Plain } from '../../src/kvs/msgpack.js'

test('what is encoded is decoded as it was', async (t) => {
  const values: Plain[] = [
    null,
    true,
    false,
    0,
    127,
    128,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    -1,
    -33,
    -(2 ** 40),
    0n,
    2n ** 62n,
    -(2n ** 63n),
    '',
    'a'.repeat(31),
    'é'.repeat(40_000),
    [],
    [1, [2, ['three']]],
    Array.from({ length: 100 }, (_, i) => i),
    { a: 1, b: { c: [null] } },
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`member ${i}`, i])),
  ]
  for (const value of values)
    t.strictSame(JSON.stringify(decodePlain(encodePlain(value)), text), JSON.stringify(value, text))
  t.strictSame(Buffer.from(decodePlain(encodePlain(Buffer.from([0, 255]))) as Uint8Array), Buffer.from([0, 255]))
  t.strictSame(
    Object.keys(decodePlain(encodePlain({ a: undefined, b: 1 })) as object),
    ['b'],
    'undefined members are left out',
  )
  t.throws(() => encodePlain(1.5), RangeError)
})

test('every form of msgpack that a peer may choose is read', async (t) => {
  const forms: [number[], Plain][] = [
    [[0xcc, 200], 200],
    [[0xcd, 1, 0], 256],
    [[0xce, 0, 1, 0, 0], 65_536],
    [[0xd0, 0xff], -1],
    [[0xd1, 0xff, 0], -256],
    [[0xd2, 0xff, 0xff, 0, 0], -65_536],
    [[0xe0], -32],
    [[0xd9, 1, 0x61], 'a'],
    [[0xda, 0, 1, 0x61], 'a'],
    [[0xdc, 0, 1, 5], [5]],
    [[0xde, 0, 1, 0xa1, 0x61, 5], { a: 5 }],
    [[0xcf, 0, 0, 0, 0, 0, 0, 0, 9], 9n],
  ]
  for (const [bytes, value] of forms) {
    t.equal(JSON.stringify(decodePlain(Uint8Array.from(bytes)), text), JSON.stringify(value, text))
  }
})

test('hostile bytes only ever throw a RangeError', async (t) => {
  const hostile = [
    [],
    [0xdd, 255, 255, 255, 255],
    [0xdb, 127, 255, 255, 255, 1],
    [0xc6, 0, 0, 0, 9, 1],
    [0xdf, 255, 255, 255, 255],
    [1, 2],
    [0xc1],
    [0xd4, 1, 1],
    [0x81, 1, 1],
  ]
  for (const bytes of hostile) t.throws(() => decodePlain(Uint8Array.from(bytes)), RangeError, bytes.join())
  t.throws(() => decodePlain(Uint8Array.from(Array.from({ length: 50 }, () => 0x91))), /deep/)
  let seed = 7
  const random = () => (seed = (seed * 48_271) % 2_147_483_647)
  for (let i = 0; i < 20_000; i++) {
    try {
      decodePlain(Uint8Array.from({ length: random() % 30 }, () => random() % 256))
    } catch (error) {
      if (!(error instanceof RangeError)) t.fail('another error', { error })
    }
  }
  const sneaky = decodePlain(encodePlain(JSON.parse('{"__proto__": {"polluted": 1}}')))
  t.equal((sneaky as Record<string, unknown>).polluted, undefined)
})

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

test('texts of every length and alphabet are read as they were written', async (t) => {
  for (const sign of ['x', 'é', '€', '𝄞', '\u0000', '\u007f', '\u0080']) {
    for (const length of [0, 1, 7, 10, 15, 16, 30, 31, 32, 33, 255, 256]) {
      const text = sign.repeat(length)
      const bytes = encodePlain({ [text]: text, mixed: `a${text}` })
      t.same(decodePlain(bytes), { [text]: text, mixed: `a${text}` }, `${length} of ${JSON.stringify(sign)}`)
    }
  }
  for (const bad of [
    [0xa1, 0x80],
    [0xa2, 0xc3, 0x28],
    [0xa3, 0x61, 0xe2, 0x82],
  ]) {
    t.throws(() => decodePlain(Uint8Array.from(bad)), { message: 'a text that is not UTF-8' })
  }
})
