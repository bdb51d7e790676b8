import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { FileRecord } from '@dyad-ts/core'
import type { ConfigOptions } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { contents, digestOf } from '../../harness/contents.js'
import type { HaltingOptions, Reading } from '../../harness/halting-reader.js'
import { putRecord } from '../../harness/stored.js'
import type { Teardown } from '../../harness/teardown.js'

const LIMIT = 1_024
const bytes = (size: number, seed: number) => Buffer.concat([...contents(size, seed)])

/** A store, and nobody who serves the files of A. */
async function site(t: Teardown, options: ConfigOptions = {}) {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const producer = await cluster.producer(options)
  const consumer = await cluster.consumer({ dtlMode: 'rpc' })
  return { cluster, producer, consumer }
}

test('small files come with their records: whole, with their permissions, without their owner', async (t) => {
  const { cluster, producer, consumer } = await site(t)
  for (const size of [0, 1, LIMIT]) {
    const name = `dir/of-${size}`
    await producer.ask('write', name, size, size)
    t.strictSame(await consumer.ask('read', name), { size, sha256: digestOf(size, size) }, `${size} bytes`)
    t.ok(readFileSync(cluster.path('b', name)).equals(bytes(size, size)), 'and stands at its path')
  }
  writeFileSync(cluster.path('a', 'mine'), 'mine')
  chmodSync(cluster.path('a', 'mine'), 0o450)
  await producer.ask('produce', 'mine')
  const local = await consumer.ask<string>('consume', 'mine')
  t.equal(readFileSync(local, 'utf8'), 'mine')
  t.equal(statSync(local).mode & 0o7777, 0o450)
  t.strictSame(consumer.notes('dyad.transfer.started'), [], 'no transfer was begun')
  t.equal(consumer.notes('dyad.consumer.stored').length, 4)
  await consumer.ask('read', 'mine')
  t.match(consumer.notes('dyad.consumer.present'), [{ how: 'held' }], 'what is held is not stored anew')

  await producer.ask('write', 'larger', LIMIT + 1, 1)
  const unreachable = { code: 'ERR_DYAD_OWNER_UNREACHABLE', node: 'A' }
  const hasty = await cluster.consumer({ dtlMode: 'rpc', ownerTimeout: 200 })
  await t.rejects(hasty.ask('read', 'larger'), unreachable, 'a byte more needs its owner')
  await cluster.node('A')
  t.strictSame(await consumer.ask('read', 'larger'), { size: LIMIT + 1, sha256: digestOf(LIMIT + 1, 1) })
  t.equal(consumer.notes('dyad.transfer.started').length, 1)
})

test('a limit of 0 has every file moved by a transport', async (t) => {
  const { cluster, producer, consumer } = await site(t, { inlineLimit: 0 })
  await cluster.node('A')
  for (const size of [0, 1]) {
    await producer.ask('write', `${size}`, size, 1)
    t.strictSame(await consumer.ask('read', `${size}`), { size, sha256: digestOf(size, 1) })
  }
  t.equal(consumer.notes('dyad.transfer.started').length, 2)
})

test('what stands at the path is replaced: an older generation, and what an earlier run left', async (t) => {
  const { cluster, producer, consumer } = await site(t)
  mkdirSync(cluster.path('b'), { recursive: true })
  writeFileSync(cluster.path('b', 'x'), bytes(100, 99))
  for (const seed of [1, 2, 3]) {
    await producer.ask('write', 'x', 100, seed)
    t.strictSame(await consumer.ask('read', 'x'), { size: 100, sha256: digestOf(100, seed) })
    t.ok(readFileSync(cluster.path('b', 'x')).equals(bytes(100, seed)), `version ${seed} stands there`)
  }
  t.strictSame(cluster.files('b'), ['x'])
})

test('an older version is never put over a newer one that came with its record', async (t) => {
  const { cluster, producer, consumer } = await site(t)
  await cluster.node('A')
  const other = await cluster.consumer({ dtlMode: 'rpc' })

  await producer.ask('write', 'x', 100, 1)
  const old = await consumer.ask<FileRecord>('lookup', 'x')
  await producer.ask('write', 'x', 100, 2)
  await other.ask('consume', 'x')
  const local = await consumer.ask<string>('consumeRecord', 'x', old)
  t.ok(readFileSync(local).equals(bytes(100, 2)), 'by who still has the old record')

  // The old one is large and on its way when the new one is put where nothing stands yet.
  const size = 8 * 2 ** 20
  await producer.ask('write', 'y', size, 1)
  const reading = consumer.ask<Reading>('readHalting', 'y', { pauseAt: 1 } satisfies HaltingOptions)
  const cut = t.rejects(reading, { code: 'ERR_DYAD_CHANGED', path: 'y' }, 'who reads the old one is told')
  await consumer.noted('paused')
  await producer.ask('write', 'y', 100, 2)
  const newer = await other.ask<string>('consume', 'y')
  t.ok(readFileSync(newer).equals(bytes(100, 2)), 'the new one is there')
  consumer.unblock()
  await cut
  t.ok(readFileSync(newer).equals(bytes(100, 2)), 'and stays')
  t.strictSame(cluster.files('b'), ['x', 'y'])
})

test('a record that carries something else than its file is an error', async (t) => {
  const { cluster, consumer } = await site(t)
  await using client = cluster.client()
  const namespace = client.namespace('flow')
  const file = (path: string, size: number) => ({
    path,
    size,
    owner: 'A',
    mtimeNs: 1n,
    mode: 0o644,
    storage: cluster.path('a'),
    inline: Buffer.from('four'),
  })
  await putRecord(namespace, file('short', 5))
  await putRecord(namespace, file('long', 3))
  await putRecord(namespace, file('theirs', 4), 'mine')
  for (const path of ['short', 'long', 'mine']) {
    await t.rejects(consumer.ask('read', path), { code: 'ERR_DYAD_METADATA', path }, path)
  }
  await putRecord(namespace, file('good', 4))
  t.strictSame((await consumer.ask<{ size: number }>('read', 'good')).size, 4)
  t.strictSame(cluster.files('b'), ['good'])
})
