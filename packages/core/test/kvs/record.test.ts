import { test } from 'tap'
import { keyOf } from '../../src/kvs/key.js'
import { encodePlain, type Plain, type PlainMap } from '../../src/kvs/msgpack.js'
import {
  checkRecord,
  decodeAnyRecord,
  decodeRecord,
  encodeRecord,
  type Generation,
  isSameGeneration,
  mayBeNewer,
  type PublishedFile,
} from '../../src/kvs/record.js'

const file: PublishedFile = {
  path: 'group0/frame.bin',
  owner: 'node-7',
  size: 5 * 2 ** 32,
  mtimeNs: 1_795_309_016_589_599_467n,
  mode: 0o640,
  storage: '/mnt/ssd/dyad',
}
const entry = (value: Uint8Array, key = `6b.134.f8.${file.path}`) => ({ key, value, revision: 42 })

test('a record is read as it was written, with the generation that the store gave it', async (t) => {
  t.strictSame(decodeRecord(entry(encodeRecord(file)), file.path), { ...file, generation: 42 })
  const stamped = { ...entry(encodeRecord(file)), epoch: 'k3x9' }
  t.strictSame(decodeRecord(stamped, file.path), { ...file, generation: 42, epoch: 'k3x9' })
})

test('a record may carry all bytes of its file, and nothing else', async (t) => {
  for (const text of ['', 'bytes']) {
    const small = { ...file, size: text.length, inline: new Uint8Array(Buffer.from(text)) }
    const { inline, ...rest } = decodeRecord(entry(encodeRecord(small)), file.path)
    t.strictSame(Buffer.from(inline ?? [0]).toString(), text)
    t.strictSame(rest, { ...file, size: text.length, generation: 42 })
  }
  t.notOk('inline' in decodeRecord(entry(encodeRecord(file)), file.path), 'or none')
  for (const [name, inline] of Object.entries({ few: new Uint8Array(4), many: new Uint8Array(6), text: 'bytes' })) {
    const bad = encodePlain({ ...(file as unknown as PlainMap), v: 1, size: 5, inline })
    t.throws(() => decodeRecord(entry(bad), file.path), { code: 'ERR_DYAD_METADATA' }, name)
  }
})

test('a record with members that are not known here is read', async (t) => {
  const later = encodePlain({ ...(file as unknown as PlainMap), v: 1, colour: ['blue'] })
  t.equal(decodeRecord(entry(later), file.path).owner, 'node-7')
})

/** Members that make no record, by what is wrong with them. */
const WRONG: readonly [string, Readonly<Record<string, Plain | undefined>>][] = [
  ['a negative size', { size: -1 }],
  ['a size as text', { size: '12' }],
  ['no size', { size: undefined }],
  ['a time as number', { mtimeNs: 12 }],
  ['a mode out of bounds', { mode: 0o10000 }],
  ['no mode', { mode: undefined }],
  ['a long owner', { owner: 'x'.repeat(256) }],
  ['no owner', { owner: '' }],
  ['an owner with an escape sequence', { owner: 'node\u001b[2J' }],
  ['no storage', { storage: undefined }],
  ['a relative storage', { storage: 'mnt/ssd' }],
  ['an empty storage', { storage: '' }],
  ['a storage that is not normalized', { storage: '/mnt/../etc' }],
  ['a storage that ends with a slash', { storage: '/mnt/' }],
  ['a storage with NUL', { storage: '/mnt\0' }],
  ['a storage that is too long', { storage: `/${'x'.repeat(4_096)}` }],
  ['a storage of few characters and many bytes', { storage: `/${'ü'.repeat(2_048)}` }],
  ['an owner of few characters and many bytes', { owner: 'ü'.repeat(128) }],
  ['inline bytes as text', { inline: 'bytes', size: 5 }],
  ['fewer inline bytes than the file has', { inline: Buffer.from('four'), size: 5 }],
  ['of another path', { path: 'other' }],
]
/** The same of members that are never encoded. */
const NEVER_ENCODED: typeof WRONG = [
  ['a size beyond 2^53', { size: 2 ** 53 }],
  ['half a byte', { size: 1.5 }],
  ['a size that is no number', { size: Number.NaN }],
  ['a time beyond 64 bits', { mtimeNs: 2n ** 63n }],
  ['half a surrogate pair', { owner: '\ud800' }],
  ['half a surrogate pair in the storage', { storage: '/\ud800' }],
  ['an epoch as number', { epoch: 7 }],
  ['an epoch of other characters', { epoch: 'a/../b' }],
  ['a long epoch', { epoch: 'x'.repeat(17) }],
]
/** Paths that no file can have. */
const NO_PATHS = ['', '.', '..', '/etc/passwd', '../../etc/cron.d/x', 'a/../../x', 'a//b', 'a/', 'a\0b', 'x/.dyad-1']

test('what is no record of this path is refused', async (t) => {
  const good = { ...(file as unknown as PlainMap), v: 1 }
  const bad: [string, Uint8Array][] = [
    ['empty', new Uint8Array()],
    ['garbage', Buffer.from('hello')],
    ["DYAD's bare rank", encodePlain(3)],
    ['a list', encodePlain([good])],
    ['another layout', encodePlain({ ...good, v: 2 })],
    ...WRONG.map(([name, members]): [string, Uint8Array] => [name, encodePlain({ ...good, ...members })]),
    // An unsigned integer of 64 bits.
    [
      'a time beyond 64 bits',
      Buffer.concat([
        encodePlain({ ...good, mtimeNs: undefined }),
        Buffer.from('a76d74696d654e73cfffffffffffffffff', 'hex'),
      ]).map((byte, i) => (i === 0 ? byte + 1 : byte)),
    ],
    [
      'a text that is not UTF-8',
      Buffer.from(encodePlain({ ...good, owner: 'QQ' })).map((byte) => (byte === 0x51 ? 0xff : byte)),
    ],
  ]
  for (const [name, value] of bad) {
    t.throws(
      () => decodeRecord(entry(value), file.path),
      { code: 'ERR_DYAD_METADATA', rc: -1001, path: file.path },
      name,
    )
  }
})

test('a record of any path stands under the key of its own, or is none', async (t) => {
  const key = (path: string) => keyOf(path, 3, 1024)
  const stored = (path: string, under = key(path)) => entry(encodeRecord({ ...file, path }), under)
  t.equal(decodeAnyRecord(stored('a.b'), key).path, 'a.b')
  for (const path of NO_PATHS) {
    t.throws(() => decodeAnyRecord(stored(path), key), { code: 'ERR_DYAD_METADATA' }, JSON.stringify(path))
    t.throws(() => decodeRecord(stored(path), path), { code: 'ERR_DYAD_METADATA' }, JSON.stringify(path))
  }
  for (const [name, under] of Object.entries({
    'of a path that ends alike': key('a.b'),
    'of a longer path': key('a/b'),
    'of another depth': keyOf('b', 2, 1024),
    'of other bins': keyOf('b', 3, 7),
    'without bins': 'b',
  })) {
    t.throws(() => decodeAnyRecord(stored('b', under), key), { code: 'ERR_DYAD_METADATA' }, `the key ${name}`)
  }
})

test('set-id and sticky bits of an old record are masked', async (t) => {
  for (const mode of [0o4755, 0o2755, 0o1755, 0o7755]) {
    t.equal(decodeRecord(entry(encodeRecord({ ...file, mode })), file.path).mode, 0o755)
  }
})

test('a record that a caller gives is checked as one that a store gives', async (t) => {
  const good = { ...file, generation: 42 }
  t.strictSame(checkRecord({ ...good, mode: 0o4640 }, file.path), good)
  for (const [name, members] of [...WRONG, ...NEVER_ENCODED]) {
    t.throws(
      () => checkRecord({ ...good, ...members }, file.path),
      { code: 'ERR_DYAD_METADATA', path: file.path },
      name,
    )
  }
  for (const given of [undefined, null, 5, 'text', [], { path: file.path }, { ...good, generation: undefined }]) {
    t.throws(
      () => checkRecord(given, file.path),
      { code: 'ERR_DYAD_METADATA' },
      JSON.stringify(given ?? 'nothing', (_, v) => (typeof v === 'bigint' ? String(v) : v)),
    )
  }
})

test('a record may carry a digest of its file; one of an algorithm that is not known here is kept as it is', async (t) => {
  t.notOk('digest' in decodeRecord(entry(encodeRecord(file)), file.path), 'or none, as those of before')
  for (const digest of [
    { algorithm: 'crc32', value: '0badcafe' },
    { algorithm: 'xxh3-128', value: '0123456789abcdef0123456789abcdef' },
  ]) {
    t.strictSame(decodeRecord(entry(encodeRecord({ ...file, digest })), file.path).digest, digest)
    t.strictSame(checkRecord({ ...file, digest, generation: 1 }, file.path).digest, digest)
  }
})

test('a digest that is none is refused', async (t) => {
  const bad: [string, Plain][] = [
    ['text', 'crc32:0badcafe'],
    ['a list', ['crc32', '0badcafe']],
    ['bytes', new Uint8Array(4)],
    ['nothing', null],
    ['no algorithm', { value: '0badcafe' }],
    ['no value', { algorithm: 'crc32' }],
    ['a number', { algorithm: 'crc32', value: 0xbadcafe }],
    ['too few digits', { algorithm: 'crc32', value: 'badcafe' }],
    ['too many digits', { algorithm: 'crc32', value: '00badcafe' }],
    ['other digits', { algorithm: 'crc32', value: '0BADCAFE' }],
    ['control characters', { algorithm: 'sha\n256', value: '00' }],
    ['a long name', { algorithm: 'x'.repeat(33), value: '00' }],
    ['a long value', { algorithm: 'x', value: '0'.repeat(129) }],
    ['no digits', { algorithm: 'x', value: '' }],
  ]
  for (const [name, digest] of bad) {
    const value = encodePlain({ ...(file as unknown as PlainMap), v: 1, digest })
    t.throws(() => decodeRecord(entry(value), file.path), { code: 'ERR_DYAD_METADATA' }, name)
  }
})

test('numbers of different epochs say nothing about each other', async (t) => {
  const [older, newer] = [1, 2].map((generation) => ({ generation, epoch: 'one' })) as [Generation, Generation]
  t.ok(mayBeNewer(newer, older))
  t.notOk(mayBeNewer(older, newer) || mayBeNewer(newer, newer))
  for (const epoch of ['two', undefined]) {
    const restored = { ...older, epoch }
    t.notOk(isSameGeneration(restored, older), `${epoch}`)
    t.ok(mayBeNewer(restored, newer) && mayBeNewer(newer, restored), `${epoch}: only the store knows`)
  }
})
