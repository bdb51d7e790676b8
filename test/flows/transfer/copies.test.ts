import { closeSync, openSync, writeSync } from 'node:fs'
import type { Diagnostics } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'
import type { Teardown } from '../../harness/teardown.js'

const SIZE = 24 * 2 ** 20
const COMMON = { dtlMode: 'rpc', serveCopies: true } as const

/** Whom a consumer fetched from, in order. */
const askedNodes = (consumer: TestProcess) =>
  consumer.notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started').map(({ node }) => node)

/** A file of A, of which B has a copy to offer. */
async function copied(t: Teardown, seed: number) {
  const { cluster } = await Cluster.start(t, COMMON)
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE, seed)
  const holder = await cluster.node('B')
  const first = await cluster.consumer()
  await first.ask('read', 'big')
  // Offers are made behind the reader's back; what the store answers next comes after them.
  await first.ask('lookup', 'big')
  return { cluster, holder, first }
}

test('many nodes that fetch one file at once load its owner with two copies at most', async (t) => {
  // A place in the queue is lost where its node gives no sign of life for so long.
  const leaseTtl = 60_000
  const { cluster } = await Cluster.start(t, { ...COMMON, leaseTtl })
  const producer = await cluster.producer()
  const names = ['N1', 'N2', 'N3', 'N4', 'N5', 'N6']
  const consumers = await Promise.all(
    names.map(async (name) => {
      await cluster.node(name, { leaseTtl })
      return cluster.app(name, { consumerPath: cluster.directory(name.toLowerCase()) })
    }),
  )
  const reading = consumers.map((consumer) => consumer.ask('read', 'big'))
  await Promise.all(consumers.map((consumer) => consumer.noted('waiting')))
  await producer.ask('write', 'big', SIZE, 3)
  for (const read of await Promise.all(reading)) t.strictSame(read, { size: SIZE, sha256: digestOf(SIZE, 3) })
  const asked = consumers.map(askedNodes)
  t.ok(asked.flat().filter((node) => node === 'A').length <= 2, `they asked ${asked.join(' ')}`)
  t.ok(
    asked.every((nodes) => nodes.length === 1),
    'each once',
  )
})

test('a consumer whose copy-holder dies midway goes on elsewhere', async (t) => {
  const { cluster, holder } = await copied(t, 4)

  const second = await cluster.app('C', { consumerPath: cluster.directory('c') })
  const consuming = second.ask('consume', 'big', { pauseAt: 2 ** 20 })
  await second.noted('paused')
  await holder.kill()
  second.unblock()
  await consuming
  t.strictSame(await second.ask('read', 'big'), { size: SIZE, sha256: digestOf(SIZE, 4) })
  t.strictSame(askedNodes(second), ['B', 'A'])
  t.strictSame(cluster.files('c'), ['big'])
})

test('a copy that was changed or removed is not believed', async (t) => {
  const { cluster, first } = await copied(t, 5)
  await first.ask('overwrite', cluster.path('b', 'big'))
  const second = await cluster.app('C', { consumerPath: cluster.directory('c') })
  t.strictSame(await second.ask('read', 'big'), { size: SIZE, sha256: digestOf(SIZE, 5) })
  t.strictSame(askedNodes(second), ['B', 'A'])
})

test('a copy that is changed midway is never mixed with another', async (t) => {
  const { cluster } = await copied(t, 8)

  const second = await cluster.app('C', { consumerPath: cluster.directory('c') })
  const consuming = second.ask('consume', 'big', { pauseAt: 2 ** 20 })
  await second.noted('paused')
  const fd = openSync(cluster.path('b', 'big'), 'r+')
  writeSync(fd, Buffer.alloc(SIZE, 'z'))
  closeSync(fd)
  second.unblock()
  await t.rejects(consuming, { code: 'ERR_DYAD_CHANGED' })
  t.strictSame(cluster.files('c'), [], 'nothing is left')
  t.strictSame(
    await second.ask('read', 'big'),
    { size: SIZE, sha256: digestOf(SIZE, 8) },
    'whoever asks again gets the whole',
  )
})

test('offers end with the session that made them, and small files are not offered', async (t) => {
  const { cluster } = await Cluster.start(t, COMMON)
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE, 6)
  await producer.ask('write', 'small', 100_000, 7)
  await cluster.node('B')
  const first = await cluster.consumer()
  await Promise.all([first.ask('read', 'big'), first.ask('read', 'small')])
  await first.ask('close')
  const second = await cluster.app('C', { consumerPath: cluster.directory('c') })
  await second.ask('read', 'big')
  await second.ask('read', 'small')
  t.strictSame(askedNodes(second), ['A', 'A'])
})

test('an owner without a service leaves its file to the copies, and only nodes with a service offer one', async (t) => {
  const cluster = await Cluster.prepare(t, COMMON)
  await cluster.node('S', { broker: true })
  await cluster.createNamespace()
  const owner = await cluster.node('A')
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE / 8, 9)
  await cluster.node('B')
  const holder = await cluster.consumer()
  await holder.ask('read', 'big')
  await using client = cluster.client()
  for await (const { key } of client.registry.watch('\x01copy')) if (key.includes(' have ')) break
  await owner.ask('stop')

  const lone = (name: string) => cluster.app(name, { consumerPath: cluster.directory(name.toLowerCase()) })
  const first = await lone('C')
  await first.ask('read', 'big')
  const told = await first.noted<Diagnostics['dyad.transfer.notShared']>('dyad.transfer.notShared')
  t.match(told.error.message, "no service of node 'C'")
  // Two at a time, none of which leaves a copy to the next.
  const others = await Promise.all(['D', 'E', 'F'].map(lone))
  const expected = { size: SIZE / 8, sha256: digestOf(SIZE / 8, 9) }
  for (const read of await Promise.all(others.map((other) => other.ask('read', 'big')))) t.strictSame(read, expected)
  t.strictSame(others.flatMap(askedNodes), ['B', 'B', 'B'])
  t.strictSame(
    others.flatMap((other) => other.notes('dyad.transfer.retry')),
    [],
    'nor does anybody turn to the owner',
  )
})

test('an offer waits while the service of its node has no place in the registry', async (t) => {
  const { cluster } = await Cluster.start(t, { ...COMMON, leaseTtl: 60_000 })
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE / 8, 10)
  const holder = await cluster.app('B', { consumerPath: cluster.directory('b') })
  await holder.ask('read', 'big')
  await using client = cluster.client()
  for await (const { key } of client.registry.list('\x01copy')) t.notMatch(key, / have /, 'nobody serves it yet')
  await cluster.node('B')
  for await (const { key } of client.registry.watch('\x01copy')) if (key.includes(' have ')) break
  const other = await cluster.app('C', { consumerPath: cluster.directory('c') })
  await other.ask('read', 'big')
  t.strictSame(askedNodes(other), ['B'])
})
