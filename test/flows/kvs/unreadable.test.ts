import type { FileRecord } from '@dyad-ts/core'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import { putRecord, registerNode, storedKey } from '../../harness/stored.js'

/** Names that no published file can have. */
const OUTSIDE = ['../../etc/cron.d/x', '/etc/passwd', '', 'a/../../x', 'a//b', 'nul\0', 'run/.dyad-1']

test('listing and watching hand on records of files only, and one that is none does not hide the others', async (t) => {
  const { cluster } = await Cluster.start(t)
  await using client = cluster.client()
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  const file = {
    owner: 'A',
    size: 4,
    mtimeNs: 1n,
    mode: 0o644,
    storage: cluster.path('a'),
    inline: Buffer.from('four'),
  }
  const namespace = client.namespace('flow')
  for (const path of OUTSIDE) await putRecord(namespace, { ...file, path })
  await putRecord(namespace, { ...file, path: 'where' }, 'elsewhere')
  await namespace.put(storedKey('garbage'), Buffer.from('garbage'))
  await producer.ask('write', 'run/good', 10, 1)

  t.strictSame(await consumer.ask('list'), ['run/good'])
  const unreadable = OUTSIDE.length + 2
  t.equal(consumer.notes('dyad.kvs.unreadable').length, unreadable, 'each is told of')
  t.strictSame(await consumer.ask('watch', '**', 1), ['run/good'])

  for (const path of ['elsewhere', 'garbage']) {
    await t.rejects(consumer.ask('consume', path), { code: 'ERR_DYAD_METADATA', path }, path)
  }
  t.strictSame(cluster.files('b'), [])
})

test('a record that a program makes up is no record', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'rpc' })])
  await producer.ask('write', 'x', 100_000, 1)
  const good = await consumer.ask<FileRecord>('lookup', 'x')
  for (const [name, record] of Object.entries({
    'a path and nothing else': { path: 'x' },
    nothing: undefined,
    'of another path': { ...good, path: 'y' },
    'another mode': { ...good, mode: '0644' },
    'a size that is none': { ...good, size: Number.NaN },
    'a directory that is none': { ...good, storage: '../a' },
    'no generation': { ...good, generation: undefined },
    'time as text': { ...good, mtimeNs: String(good.mtimeNs) },
  })) {
    await t.rejects(consumer.ask('consumeRecord', 'x', record), { code: 'ERR_DYAD_METADATA', path: 'x' }, name)
  }
  await consumer.ask('consumeRecord', 'x', good)
  t.strictSame(cluster.files('b'), ['x'])
})

test('a node whose entry cannot be read is an error for its files, and for no others', async (t) => {
  const { cluster } = await Cluster.start(t)
  await using client = cluster.client()
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'rpc' })])
  const entry = { transports: [], directories: ['etc'], host: 'h', pid: 1, startedAt: 1 }
  await registerNode(client, { node: 'bad', ...entry })
  await registerNode(client, { node: 'A', ...entry, directories: ['/'] }, 'forged')
  const file = { size: 4_000, mtimeNs: 1n, mode: 0o644, storage: '/' }
  for (const owner of ['bad', 'forged']) {
    await putRecord(client.namespace('flow'), { ...file, path: owner, owner })
    await t.rejects(consumer.ask('consume', owner), { code: 'ERR_DYAD_METADATA', node: owner }, owner)
  }
  await producer.ask('write', 'x', 100_000, 1)
  t.strictSame(await consumer.ask('read', 'x'), { size: 100_000, sha256: digestOf(100_000, 1) })
})
