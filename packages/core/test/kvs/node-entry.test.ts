import { test } from 'tap'
import { encodePlain, type Plain } from '../../src/kvs/msgpack.js'
import { decodeNodeEntry, encodeNodeEntry, type NodeEntry } from '../../src/kvs/node-entry.js'

const node: NodeEntry = {
  node: 'node-7',
  transports: [{ name: 'tcp', address: 'tcp://127.0.0.1:1' }],
  directories: ['/', '/mnt/ssd'],
  host: 'host',
  pid: 17,
  startedAt: 1_795_309_016_589,
}
const entry = (value: Uint8Array, key = 'node-7') => ({ key, value, revision: 1 })

test('an entry is read as it was written', async (t) => {
  const full: NodeEntry = { ...node, processes: 'boot/4026531836', reach: 'host' }
  for (const written of [node, full]) t.strictSame(decodeNodeEntry(entry(encodeNodeEntry(written))), written)
})

test('a reach that is not known here says nothing', async (t) => {
  const value = encodePlain({ ...(node as unknown as Readonly<Record<string, Plain>>), reach: 'rack' })
  t.strictSame(decodeNodeEntry(entry(value)), node)
})

test('an entry with a field that cannot be is refused', async (t) => {
  const wrong: [string, Readonly<Record<string, Plain | undefined>>][] = [
    ['another node', { node: 'node-8' }],
    ['no node', { node: undefined }],
    ['too many transports', { transports: Array.from({ length: 17 }, () => ({ name: 'tcp', address: 'x' })) }],
    ['a transport without address', { transports: [{ name: 'tcp' }] }],
    ['a transport that is no map', { transports: ['tcp'] }],
    ['a transport of a long name', { transports: [{ name: 'x'.repeat(65), address: 'x' }] }],
    ['a transport of a long address', { transports: [{ name: 'tcp', address: 'x'.repeat(16_385) }] }],
    ['transports that are no list', { transports: { name: 'tcp', address: 'x' } }],
    ['too many directories', { directories: Array.from({ length: 10_001 }, () => '/a') }],
    ['a directory that is too long', { directories: [`/${'x'.repeat(4_096)}`] }],
    ['a relative directory', { directories: ['mnt'] }],
    ['an empty directory', { directories: [''] }],
    ['a directory that is not normalized', { directories: ['/mnt/../etc'] }],
    ['a directory with NUL', { directories: ['/mnt\0'] }],
    ['a directory as number', { directories: [5] }],
    ['a long host', { host: 'x'.repeat(256) }],
    ['a host of few characters and many bytes', { host: 'ü'.repeat(128) }],
    ['a host that is no text', { host: Buffer.from('host') }],
    ['a long name of the processes', { processes: 'x'.repeat(256) }],
    ['processes as number', { processes: 5 }],
    ['a long reach', { reach: 'x'.repeat(17) }],
    ['no process', { pid: undefined }],
    ['process 0, which is every process of the group', { pid: 0 }],
    ['a process that cannot be', { pid: 2 ** 31 }],
    ['a start that is no date', { startedAt: 8.64e15 + 2 }],
    ['a start before 1970', { startedAt: -1 }],
    ['a start as text', { startedAt: '2026' }],
    ['no start', { startedAt: undefined }],
  ]
  for (const [name, members] of wrong) {
    const value = encodePlain({ ...(node as unknown as Readonly<Record<string, Plain>>), ...members })
    t.throws(() => decodeNodeEntry(entry(value)), { code: 'ERR_DYAD_METADATA', node: 'node-7' }, name)
  }
  t.throws(() => decodeNodeEntry(entry(encodeNodeEntry(node), 'other')), { code: 'ERR_DYAD_METADATA' }, 'another key')
  for (const id of ['', 'x'.repeat(256), 'node\u001b[2J', 'node\nforged']) {
    const value = encodeNodeEntry({ ...node, node: id })
    t.throws(() => decodeNodeEntry(entry(value, id)), { code: 'ERR_DYAD_METADATA' }, `the node ${JSON.stringify(id)}`)
  }
  for (const start of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const value = Buffer.from(encodeNodeEntry(node))
    // The start is written last.
    value.writeDoubleBE(start, value.length - 8)
    t.throws(() => decodeNodeEntry(entry(value)), { code: 'ERR_DYAD_METADATA' }, `a start at ${start}`)
  }
  const illFormed = { 'no UTF-8': [0xff, 0xff, 0xff], 'half a surrogate pair': [0xed, 0xa0, 0x80] }
  for (const [name, bytes] of Object.entries(illFormed)) {
    const value = Buffer.from(encodeNodeEntry({ ...node, host: 'QQQ' }))
    value.set(bytes, value.indexOf('QQQ'))
    t.throws(() => decodeNodeEntry(entry(value)), { code: 'ERR_DYAD_METADATA' }, `a host of ${name}`)
  }
})
