import { readdirSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('a consumer that opens a file while it is being written gets it whole, after its producer closed it', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  const size = 3_000_000

  const writing = producer.ask('write', 'run/frame.bin', size, 1, { halves: true })
  const reading = consumer.ask('read', 'run/frame.bin')
  await Promise.all([producer.noted('half written'), consumer.noted('waiting')])
  t.notOk(readdirSync(cluster.path('a', 'run')).includes('frame.bin'), 'half a file stands at no path')
  t.equal(await producer.ask('lookup', 'run/frame.bin'), undefined, 'and has no record')
  t.strictSame(cluster.files('b'), [], 'nor has the consumer anything')

  await producer.ask('proceed')
  await writing
  t.strictSame(await reading, { size, sha256: digestOf(size, 1) }, 'every byte is read')
  t.strictSame(cluster.files('a'), ['run/frame.bin'])
  t.strictSame(cluster.files('b'), ['run/frame.bin'])
})

test('the order in which the two begin does not matter', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  await producer.ask('write', 'early.bin', 1_000, 2)
  const consumer = await cluster.consumer()
  t.strictSame(await consumer.ask('read', 'early.bin'), { size: 1_000, sha256: digestOf(1_000, 2) })
  t.strictSame(consumer.notes('waiting'), [], 'a published file is not waited for')
})
