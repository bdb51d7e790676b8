import { test } from 'tap'
import { encodePlain, type PlainMap } from '../../src/kvs/msgpack.js'
import { decodeRecord, encodeRecord, type PublishedFile } from '../../src/kvs/record.js'

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
})

test('a record may carry all bytes of its file, and nothing else', async (t) => {
  for (const text of ['', 'bytes']) {
    const small = { ...file, size: text.length, inline: new Uint8Array(Buffer.from(text)) }
    const { inline, ...rest } = decodeRecord(entry(encodeRecord(small)), file.path)
    t.strictSame(Buffer.from(inline ?? [0]).toString(), text)
    t.strictSame(rest, { ...file, size: text.length, generation: 42 })
  }
  t.notOk('inline' in decodeRecord(entry(encodeRecord(file))), 'or none')
  for (const [name, inline] of Object.entries({ few: new Uint8Array(4), many: new Uint8Array(6), text: 'bytes' })) {
    const bad = encodePlain({ ...(file as unknown as PlainMap), v: 1, size: 5, inline })
    t.throws(() => decodeRecord(entry(bad), file.path), { code: 'ERR_DYAD_METADATA' }, name)
  }
})

test('a record with members that are not known here is read', async (t) => {
  const later = encodePlain({ ...(file as unknown as PlainMap), v: 1, colour: ['blue'] })
  t.equal(decodeRecord(entry(later)).owner, 'node-7')
})

test('what is no record of this path is refused', async (t) => {
  const good = { ...(file as unknown as PlainMap), v: 1 }
  const bad: [string, Uint8Array][] = [
    ['empty', new Uint8Array()],
    ['garbage', Buffer.from('hello')],
    ["DYAD's bare rank", encodePlain(3)],
    ['another layout', encodePlain({ ...good, v: 2 })],
    ['negative size', encodePlain({ ...good, size: -1 })],
    ['size as text', encodePlain({ ...good, size: '12' })],
    ['time as number', encodePlain({ ...good, mtimeNs: 12 })],
    ['mode out of bounds', encodePlain({ ...good, mode: 0o10000 })],
    ['a long owner', encodePlain({ ...good, owner: 'x'.repeat(256) })],
    ['no storage', encodePlain({ ...good, storage: undefined })],
    ['of another path', encodePlain({ ...good, path: 'other' })],
  ]
  for (const [name, value] of bad) {
    t.throws(
      () => decodeRecord(entry(value), file.path),
      { code: 'ERR_DYAD_METADATA', rc: -1001, path: file.path },
      name,
    )
  }
})
