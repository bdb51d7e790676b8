import { readFileSync } from 'node:fs'
import type { ConfigOptions, Diagnostics, FileRecord } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { contents, digestOf } from '../../harness/contents.js'
import type { Teardown } from '../../harness/teardown.js'

/** Publishes that may be under way: the bound of `PendingPublishes`. */
const MOST = 4_096
const size = 100

/** A producer that does not wait for the store, which can be frozen. */
async function site(t: Teardown, options: ConfigOptions = {}) {
  const cluster = await Cluster.prepare(t, { kvsTimeout: 60_000 })
  const store = await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const producer = await cluster.producer({ asyncPublish: true, ...options })
  return { cluster, store, producer }
}

test('a stream finishes while the store hangs, and the last that was written to a path is what consumers see', async (t) => {
  const { cluster, store, producer } = await site(t)
  const consumer = await cluster.consumer()
  await producer.ask('write', 'before', size, 0)
  await producer.ask('flush')
  const waiting = consumer.ask('read', 'x')
  await consumer.noted('waiting')
  store.freeze()
  const versions = Array.from({ length: 20 }, (_, i) => i + 1)
  const finished = []
  for (const seed of versions) finished.push(await producer.ask('write', 'x', size, seed))
  t.ok(
    finished.every((record) => record === undefined),
    'all of them finish, without a record',
  )
  await producer.ask('write', 'y', size, 1)
  t.equal(producer.notes('dyad.producer.published').length, 1, 'none of them is published')
  store.resume()
  await producer.ask('flush')
  const records = producer.notes<Diagnostics['dyad.producer.published']>('dyad.producer.published')
  const generations = records.filter(({ record }) => record.path === 'x').map(({ record }) => record.generation)
  t.strictSame(
    generations,
    [...generations].sort((a, b) => a - b),
    'one after the other',
  )
  t.equal(generations.length, versions.length)
  const newest = { size, sha256: digestOf(size, versions.length) }
  t.strictSame(await consumer.ask('read', 'x'), newest, 'the last one wins')
  t.match(await waiting, { size }, 'who waited was told')
  t.match(await consumer.ask<FileRecord>('lookup', 'x'), { generation: generations.at(-1) })
  t.match(await consumer.ask('read', 'y'), { sha256: digestOf(size, 1) })
})

test('no more than so many are under way: the next write waits, and none is lost', async (t) => {
  const { cluster, store, producer } = await site(t, { inlineLimit: 1_024 })
  store.freeze()
  const count = MOST + 100
  const writing = producer.ask<number>('writeMany', count, size)
  await producer.noted<number>('finished', (written) => written === MOST - 1)
  for (let turn = 0; turn < 50; turn++) await producer.ask('ready')
  t.equal(producer.notes('finished').length, MOST - 1, 'the next one waits')
  t.strictSame(producer.notes('dyad.producer.published'), [])
  store.resume()
  t.equal(await writing, count)
  await producer.ask('flush')
  t.equal(producer.notes('dyad.producer.published').length, count)
  const consumer = await cluster.consumer()
  t.equal((await consumer.ask<string[]>('list')).length, count)
  const last = await consumer.ask<string>('consume', `many/${count - 1}`)
  t.ok(readFileSync(last).equals(Buffer.concat([...contents(size, count - 1)])))
})

test('what could not be published is told by flush and by close, and as it happens', async (t) => {
  const { cluster, producer } = await site(t)
  await using client = cluster.client()
  await client.removeNamespace('flow')
  const missing = { code: 'ERR_DYAD_NAMESPACE_MISSING' }
  await producer.ask('write', 'one', size, 1)
  const failed = await producer.noted<{ path: string; error: Error }>('dyad.producer.failed')
  t.match(failed, {
    path: 'one',
    error: { message: /^the namespace does not exist: namespace '\w+' for 'one' on node 'A'/ },
  })
  await t.rejects(producer.ask('flush'), { ...missing, path: 'one' })
  await producer.ask('flush')
  t.pass('once')

  for (const name of ['two', 'three']) await producer.ask('write', name, size, 1)
  await t.rejects(producer.ask('flush'), { name: 'AggregateError', message: '2 files could not be published' })
  await producer.ask('write', 'four', size, 1)
  await t.rejects(producer.ask('close'), { ...missing, path: 'four' }, 'closing tells, too')
  t.strictSame(
    producer.notes<{ path: string }>('dyad.producer.failed').map(({ path }) => path),
    ['one', 'two', 'three', 'four'],
  )
  t.strictSame(cluster.files('a'), ['four', 'one', 'three', 'two'], 'the files are there, whole')

  await client.createNamespace('flow')
  const next = await cluster.producer({ asyncPublish: true })
  await next.ask('write', 'last', size, 1)
  await next.ask('close')
  const consumer = await cluster.consumer()
  t.strictSame(await consumer.ask('list'), ['last'], 'closing waits for what is under way')
})
