import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { isMidway } from '../../harness/midway.js'
import { writeSparse } from '../../harness/sparse.js'

interface Status {
  broker: { waiters: number }
}

test('an abort leaves neither temporary file nor waiter behind, whenever it comes', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const producer = await cluster.producer()
  writeSparse(cluster.path('a', 'big'), 2 ** 30)
  await producer.ask('produce', 'big')
  const waiters = async () => (await a.ask<Status>('status')).broker.waiters

  for (const dtlMode of ['rpc', 'local'] as const) {
    const consumer = await cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })

    const waiting = consumer.ask('consume', 'nobody', { abort: 'waiting' })
    await consumer.noted('waiting')
    await consumer.ask('abort', 'waiting')
    await t.rejects(
      waiting,
      { message: /^aborted waiting$/, code: undefined },
      `${dtlMode}: while it waits for the record`,
    )

    const reading = consumer.ask('read', 'nobody', { abort: 'reading' })
    await consumer.noted('waiting')
    await consumer.ask('abort', 'reading')
    await t.rejects(reading, { name: 'AbortError' }, 'as a stream')

    await t.rejects(consumer.ask('consume', 'nobody', { timeout: 50 }), { code: 'ERR_DYAD_TIMEOUT' }, 'by its timeout')
    // What this one asks comes to the broker after what the others told it.
    await consumer.ask('lookup', 'nobody')
    t.equal(await waiters(), 0, 'no waiter is left in the broker')

    const moving = consumer.ask('consume', 'big', { abort: 'moving' })
    if (!(await isMidway(consumer, moving))) continue
    await consumer.ask('abort', 'moving')
    await t.rejects(moving, { message: /^aborted moving$/, code: undefined }, 'while the bytes move')
    // What the session has under way when it ends is aborted as well.
    const cut = t.rejects(consumer.ask('consume', 'nobody'), { code: 'ERR_DYAD_CLOSED' }, 'by the end of the session')
    await consumer.ask('close')
    await cut
    t.strictSame(cluster.files(dtlMode), [], 'nothing is left on disk')
  }
})

test('an abort before the owner is there', async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('store', { broker: true, directories: [] })
  await cluster.createNamespace()
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x', 10_000, 1)
  const consuming = consumer.ask('consume', 'x', { abort: 'early' })
  await consumer.ask('lookup', 'x')
  await consumer.ask('abort', 'early')
  await t.rejects(consuming, { message: /^aborted early$/, code: undefined })
  await consumer.ask('close')
  t.strictSame(cluster.files('b'), [])
})
