import { rmSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('on shared storage opens wait, and nothing moves', async (t) => {
  const cluster = await Cluster.prepare(t, { sharedStorage: true })
  // No service serves the directory: nobody needs one.
  await cluster.node('store', { broker: true, directories: [] })
  await cluster.createNamespace()
  const directory = cluster.directory('shared')
  const producer = await cluster.app('A', { producerPath: directory })
  const consumer = await cluster.app('B', { consumerPath: directory })
  const reading = consumer.ask('read', 'x')
  await consumer.noted('waiting')
  await producer.ask('write', 'x', 50_000, 1)
  t.strictSame(await reading, { size: 50_000, sha256: digestOf(50_000, 1) })
  const { ino } = statSync(cluster.path('shared', 'x'))
  t.equal(consumer.notes('dyad.transfer.started').length, 0)
  t.strictSame(cluster.files('shared'), ['x'])
  t.equal(statSync(cluster.path('shared', 'x')).ino, ino, 'the file is the one that was written')

  writeFileSync(cluster.path('shared', 'x'), 'changed')
  await t.rejects(
    consumer.ask('read', 'x'),
    { code: 'ERR_DYAD_CHANGED', path: 'x' },
    'a change that was not published is told',
  )
  rmSync(cluster.path('shared', 'x'))
  await t.rejects(consumer.ask('read', 'x'), { code: 'ERR_DYAD_GONE' })
})

test('a node that consumes what it produced itself reads the file where it is', async (t) => {
  const { cluster } = await Cluster.start(t)
  const directory = cluster.directory('a')
  const both = await cluster.app('A', { producerPath: directory, consumerPath: directory })
  await both.ask('write', 'x', 50_000, 1)
  t.strictSame(await both.ask('read', 'x'), { size: 50_000, sha256: digestOf(50_000, 1) })
  t.equal(both.notes('dyad.transfer.started').length, 0)
})

test('two nodes whose managed directory turns out to be one and the same move nothing', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  const consumer = await cluster.app('B', { consumerPath: cluster.directory('a') })
  await producer.ask('write', 'x', 50_000, 1)
  const { ino } = statSync(cluster.path('a', 'x'))
  t.strictSame(await consumer.ask('read', 'x'), { size: 50_000, sha256: digestOf(50_000, 1) })
  t.equal(statSync(cluster.path('a', 'x')).ino, ino, 'the published file was not replaced by a copy')
})
