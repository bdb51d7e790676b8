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
  t.strictSame(decodeNodeEntry(entry(encodeNodeEntry(node))), node)
})

test('an entry with a field that cannot be is refused', async (t) => {
  const wrong: [string, Readonly<Record<string, Plain | undefined>>][] = [
    ['another node', { node: 'node-8' }],
    ['no node', { node: undefined }],
    ['too many transports', { transports: Array.from({ length: 17 }, () => ({ name: 'tcp', address: 'x' })) }],
    ['a transport without address', { transports: [{ name: 'tcp' }] }],
    ['a transport that is no map', { transports: ['tcp'] }],
    ['a relative directory', { directories: ['mnt'] }],
    ['an empty directory', { directories: [''] }],
    ['a directory that is not normalized', { directories: ['/mnt/../etc'] }],
    ['a directory with NUL', { directories: ['/mnt\0'] }],
    ['a directory as number', { directories: [5] }],
    ['a long host', { host: 'x'.repeat(256) }],
    ['process 0, which is every process of the group', { pid: 0 }],
    ['a process that cannot be', { pid: 2 ** 31 }],
    ['a start that is no date', { startedAt: 8.64e15 + 2 }],
  ]
  for (const [name, members] of wrong) {
    const value = encodePlain({ ...(node as unknown as Readonly<Record<string, Plain>>), ...members })
    t.throws(() => decodeNodeEntry(entry(value)), { code: 'ERR_DYAD_METADATA', node: 'node-7' }, name)
  }
  t.throws(() => decodeNodeEntry(entry(encodeNodeEntry(node), 'other')), { code: 'ERR_DYAD_METADATA' }, 'another key')
})
