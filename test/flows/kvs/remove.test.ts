import { readFileSync } from 'node:fs'
import type { FileRecord } from '@dyad-ts/core'
import type { Diagnostics } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import { storedKey } from '../../harness/stored.js'

const SIZE = 2 * 2 ** 20
const waits = { code: 'ERR_DYAD_TIMEOUT' }

test('what is removed is waited for again, by consumers that hold the file too, and the files stay', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'rpc' })])
  for (const size of [100, SIZE]) {
    const path = `of ${size}`
    await producer.ask('write', path, size, 1)
    await consumer.ask('read', path)
    // The owner removes one, a consumer of another node the other.
    await (size === 100 ? producer : consumer).ask('remove', path)

    await t.rejects(consumer.ask('read', path, { timeout: 50 }), waits, 'it is not served from what is held')
    await t.rejects(consumer.ask('consume', path, { timeout: 50 }), waits)
    t.equal(await consumer.ask('lookup', path), undefined)
    t.strictSame(await consumer.ask('list', path), [])
    for (const side of ['a', 'b']) t.equal(readFileSync(cluster.path(side, path)).length, size, `it stays in ${side}`)
    await t.rejects(consumer.ask('remove', path), { code: 'ERR_DYAD_NOT_FOUND', path }, 'and is not removed twice')
    t.strictSame((size === 100 ? producer : consumer).notes('dyad.producer.removed'), [{ path }])

    const reading = consumer.ask('read', path)
    await producer.ask('write', path, size, 2)
    t.strictSame(await reading, { size, sha256: digestOf(size, 2) }, 'what is published then is another generation')
  }
})

test('a copy of a removed file is offered to nobody, and the record that somebody kept leads to the owner', async (t) => {
  const common = { dtlMode: 'rpc', serveCopies: true } as const
  const { cluster } = await Cluster.start(t, common)
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE, 1)
  await cluster.node('B')
  const holder = await cluster.consumer()
  await holder.ask('read', 'big')
  const record = await holder.ask<FileRecord>('lookup', 'big')
  await using client = cluster.client()
  const offers = async () => {
    const keys: string[] = []
    for await (const { key } of client.registry.list('\x01copy')) keys.push(key)
    return keys.filter((key) => key.includes(' have '))
  }
  // Offers are made behind the reader's back.
  for await (const { key } of client.registry.watch('\x01copy')) if (key.includes(' have ')) break
  t.equal((await offers()).length, 1, 'there is one to begin with')

  await producer.ask('remove', 'big')
  t.strictSame(await offers(), [])
  // A node without a service would offer nothing.
  await cluster.node('C')
  const other = await cluster.app('C', { consumerPath: cluster.directory('c') })
  await other.ask('consumeRecord', 'big', record)
  const asked = other.notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started').map(({ node }) => node)
  t.strictSame(asked, ['A'])
  // The session sends the offer before consumeRecord() returns, then finds the record gone. The
  // store answers these lookups after each of its steps. A watch may miss a brief offer.
  for (let step = 0; step < 6; step++) await other.ask('lookup', 'big')
  t.strictSame(await offers(), [], 'nor is one made of it later')

  await producer.ask('write', 'big', SIZE, 2)
  t.strictSame(
    await holder.ask('read', 'big'),
    { size: SIZE, sha256: digestOf(SIZE, 2) },
    'its holder reads the next one',
  )
})

test('a record that was fetched ahead is gone with it', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  for (let i = 0; i < 6; i++) await producer.ask('write', `frame-${i}`, 100, i)
  for (let i = 0; i < 3; i++) await consumer.ask('read', `frame-${i}`)
  await consumer.noted<Diagnostics['dyad.consumer.ahead']>(
    'dyad.consumer.ahead',
    ({ record }) => record.path === 'frame-3',
  )
  await producer.ask('remove', 'frame-3')
  await t.rejects(consumer.ask('read', 'frame-3', { timeout: 50 }), waits)
})

test('what cannot be read can be removed, and what was written before is published first', async (t) => {
  const { cluster } = await Cluster.start(t)
  await using client = cluster.client()
  const producer = await cluster.producer({ asyncPublish: true, fsyncWrite: true })
  const namespace = client.namespace('flow')
  await namespace.put(storedKey('bad'), Buffer.from('garbage'))
  await producer.ask('remove', 'bad')
  t.equal(await namespace.get(storedKey('bad')), undefined)

  // It takes a while until it is on stable storage, and published.
  await producer.ask('write', 'x', 16 * 2 ** 20, 1)
  await producer.ask('remove', 'x')
  t.equal(await producer.ask('lookup', 'x'), undefined)
  await producer.ask('flush')
  t.equal(await producer.ask('lookup', 'x'), undefined)

  for (const path of ['never', 'x']) await t.rejects(producer.ask('remove', path), { code: 'ERR_DYAD_NOT_FOUND', path })
  await t.rejects(producer.ask('remove', '../x'), { code: 'ERR_DYAD_PATH' })
})

test('an abort ends a removal that waits for a publish of the same path', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const producer = await cluster.producer({ asyncPublish: true })
  a.freeze()
  t.teardown(() => a.resume())
  await producer.ask('write', 'x', 100, 1)
  const removing = producer.ask('remove', 'x', { abort: 'removing' })
  await producer.ask('abort', 'removing')
  await t.rejects(removing, { message: /^aborted removing$/ })
  t.strictSame(producer.notes('dyad.producer.failed'), [], 'the publish has not ended')
})
