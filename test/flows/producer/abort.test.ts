import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('a producer that is killed while it writes publishes nothing, and its debris goes with the next producer', async (t) => {
  const { cluster } = await Cluster.start(t)
  const first = await cluster.producer()
  const writing = first.ask('write', 'x.bin', 1_000_000, 1, { halves: true })
  await first.noted('half written')
  await Promise.all([first.kill(), t.rejects(writing)])
  t.equal(cluster.files('a').length, 1, 'kill -9 leaves the temporary file')

  const second = await cluster.producer()
  t.equal(await second.ask('lookup', 'x.bin'), undefined, 'and no record')
  await second.ask('write', 'x.bin', 1_000_000, 2)
  await second.ask('close')
  t.strictSame(cluster.files('a'), ['x.bin'], 'only the whole file stands there')
  const consumer = await cluster.consumer()
  t.strictSame(await consumer.ask('read', 'x.bin'), { size: 1_000_000, sha256: digestOf(1_000_000, 2) })
})

test('a writer that is destroyed, by an error, a signal or a left scope, leaves neither record nor debris', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  for (const how of ['error', 'signal', 'scope']) {
    await t.rejects(producer.ask('abandon', `${how}.bin`, how), `${how} is told to the writer`)
    t.equal(await producer.ask('lookup', `${how}.bin`), undefined)
  }
  t.strictSame(cluster.files('a'), [])
})

test('a rewrite that is abandoned leaves the earlier version published', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x.bin', 500_000, 1)
  await t.rejects(producer.ask('abandon', 'x.bin', 'error'))
  t.strictSame(await consumer.ask('read', 'x.bin'), { size: 500_000, sha256: digestOf(500_000, 1) })
})
