import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DyadCore } from '@dyad-ts/core'
import { localTransport } from '@dyad-ts/transport'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { contents, digestOf } from '../../harness/contents.js'

test('an overwritten file is read anew, by whoever read it before and by whoever starts then', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  // The same size each time, so that only the version tells them apart.
  for (const seed of [1, 2, 3]) {
    await producer.ask('write', 'x', 100_000, seed)
    t.strictSame(await consumer.ask('read', 'x'), { size: 100_000, sha256: digestOf(100_000, seed) }, `version ${seed}`)
  }
  const late = await cluster.consumer()
  t.strictSame(await late.ask('read', 'x'), { size: 100_000, sha256: digestOf(100_000, 3) })
  t.equal(late.notes('dyad.consumer.stored').length, 0, 'what the node holds is not moved again')
})

test('a file that was appended to or changed in place is read anew', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'log', 1_000, 1)
  await consumer.ask('read', 'log')
  await producer.ask('write', 'log', 1_000, 2, { flags: 'a' })
  t.equal((await consumer.ask<{ size: number }>('read', 'log')).size, 2_000, 'appended')
  await producer.ask('write', 'log', 2_000, 3, { flags: 'r+' })
  t.strictSame(await consumer.ask('read', 'log'), { size: 2_000, sha256: digestOf(2_000, 3) }, 'rewritten in place')
})

test('what an earlier run left in the consumer-managed directory is not served', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  const leftover = cluster.path('b', 'run', 'x')
  mkdirSync(dirname(leftover), { recursive: true })
  writeFileSync(leftover, Buffer.concat([...contents(5_000, 99)]))
  const reading = consumer.ask('read', 'run/x')
  await consumer.noted('waiting')
  await producer.ask('write', 'run/x', 5_000, 1)
  // Even one that looks like the published file to the last digit of its time.
  const { atime, mtime } = statSync(cluster.path('a', 'run', 'x'))
  utimesSync(leftover, atime, mtime)
  t.strictSame(await reading, { size: 5_000, sha256: digestOf(5_000, 1) })
})

test('a copy that was changed or removed behind our back is brought anew', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x', 5_000, 1)
  const copy = await consumer.ask<string>('consume', 'x')
  const { atime, mtime } = statSync(copy)
  writeFileSync(copy, Buffer.concat([...contents(5_000, 99)]))
  utimesSync(copy, atime, mtime)
  t.strictSame(await consumer.ask('read', 'x'), { size: 5_000, sha256: digestOf(5_000, 1) })
})

test('after a namespace was removed and made again, files of the same names are those of the new one', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x', 5_000, 1)
  await consumer.ask('read', 'x')
  await using client = cluster.client()
  await client.removeNamespace('flow')
  await client.createNamespace('flow')
  const reading = consumer.ask('read', 'x')
  await consumer.noted('waiting')
  await producer.ask('write', 'x', 5_000, 2)
  t.strictSame(await reading, { size: 5_000, sha256: digestOf(5_000, 2) })
})

test('a store whose clock was set back does not keep its files from being read', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  await producer.ask('write', 'x', 5_000, 1)
  const consumer = await cluster.consumer()
  await consumer.ask('read', 'x')
  await producer.ask('write', 'x', 5_000, 2)
  // The same store, as it would answer with an earlier clock.
  await using kvs = cluster.client()
  const { namespace } = kvs
  kvs.namespace = (name) => {
    const actual = namespace.call(kvs, name)
    const get = actual.get.bind(actual)
    return Object.assign(Object.create(actual), {
      name,
      async *watch(...args: Parameters<typeof actual.watch>) {
        for await (const entry of actual.watch(...args)) yield { ...entry, revision: entry.revision - 1e12 }
      },
      get: async (key: string) => {
        const entry = await get(key)
        return entry && { ...entry, revision: entry.revision - 1e12 }
      },
    })
  }
  const transports = [localTransport({ stateDir: cluster.path('state') })]
  const options = cluster.session('B', { consumerPath: cluster.path('b') })
  await using core = new DyadCore({ ...options, kvs, transports })
  t.equal(readFileSync(await core.consume('x')).length, 5_000)
  t.strictSame(readFileSync(cluster.path('b', 'x')), readFileSync(cluster.path('a', 'x')), 'version 2')
  await transports[0]?.close()
})
