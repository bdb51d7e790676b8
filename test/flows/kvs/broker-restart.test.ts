import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

const OPENS = 500

test('a broker that is killed and started again loses no record, and 1,000 opens go on waiting', async (t) => {
  const cluster = await Cluster.prepare(t)
  const broker = () => cluster.node('K', { broker: true, data: cluster.path('data'), directories: [] })
  const first = await broker()
  await cluster.createNamespace()
  await cluster.node('A')
  const [producer, ...consumers] = (await Promise.all([
    cluster.producer(),
    cluster.consumer(),
    cluster.consumer(),
  ])) as [TestProcess, TestProcess, TestProcess]
  await producer.ask('write', 'before', 10_000, 7)
  const published = await producer.ask<{ generation: number }>('lookup', 'before')

  const names = (part: number) => Array.from({ length: OPENS }, (_, i) => `part${part}/${i}`)
  const reading = consumers.map((consumer, part) => consumer.ask('readAll', names(part)))
  for (const [part, consumer] of consumers.entries()) {
    for (const name of names(part)) {
      await consumer.noted<{ path: string }>('dyad.kvs.waiting', ({ path }) => path === name)
    }
    await consumer.ask('lookup', 'before')
  }
  const { waiters } = (await first.ask<{ broker: { waiters: number } }>('status')).broker
  t.equal(waiters, 2 * OPENS, 'all of them wait in the broker')

  await first.kill()
  await broker()
  t.strictSame(await producer.ask('lookup', 'before'), published, 'what was published before is published still')
  const late = await cluster.consumer()
  t.strictSame(await late.ask('read', 'before'), { size: 10_000, sha256: digestOf(10_000, 7) })

  await Promise.all([names(0), names(1)].flat().map((name, seed) => producer.ask('write', name, 100, seed)))
  t.strictSame(await Promise.all(reading), [OPENS, OPENS], 'every open returned')
  t.strictSame(cluster.files('b'), ['before', ...names(0), ...names(1)].sort())
  const again = await producer.ask<{ generation: number }>('write', 'before', 10_000, 8)
  t.ok(again.generation > published.generation, 'generations go on growing')
})

test('a broker that keeps records in memory and is started anew says that the namespace is gone', async (t) => {
  const cluster = await Cluster.prepare(t)
  const broker = () => cluster.node('K', { broker: true, directories: [] })
  const first = await broker()
  await cluster.createNamespace()
  const consumer = await cluster.consumer()
  const gone = { code: 'ERR_DYAD_NAMESPACE_MISSING', message: /'?flow'?/ }
  const reading = t.rejects(consumer.ask('read', 'x'), gone, 'to an open that waited')
  await consumer.noted('waiting')
  await first.kill()
  await broker()
  await reading
  await t.rejects(consumer.ask('lookup', 'x'), gone, 'and to who asks now')
})
