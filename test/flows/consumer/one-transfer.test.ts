import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('two processes and two hundred streams that want one file cause one transfer', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc' })
  const [producer, one, two] = await Promise.all([cluster.producer(), cluster.consumer(), cluster.consumer()])
  const size = 20_000_000
  const reading = [one, two].flatMap((consumer) => Array.from({ length: 100 }, () => consumer.ask('read', 'x')))
  await Promise.all([one.noted('waiting'), two.noted('waiting')])
  await producer.ask('write', 'x', size, 1)
  const whole = { size, sha256: digestOf(size, 1) }
  const read = await Promise.all(reading)
  t.equal(read.length, 200)
  t.ok(
    read.every((result) => JSON.stringify(result) === JSON.stringify(whole)),
    'all of them read every byte',
  )
  t.equal([one, two].flatMap((consumer) => consumer.notes('dyad.transfer.started')).length, 1)
  t.strictSame(cluster.files('b'), ['x'])
})

test('of those that share a transfer one may leave without disturbing the others', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc' })
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  const size = 200_000_000
  // Both wait for the record, so that both are there when the transfer begins; the spelling tells
  // their notes apart.
  const leaving = consumer.ask('consume', './x', { abort: 'early' })
  const staying = consumer.ask('read', 'x')
  for (const spelling of ['./x', 'x']) await consumer.noted('waiting', (path) => path === spelling)
  const writing = producer.ask('write', 'x', size, 1)
  await consumer.noted('midway')
  await consumer.ask('abort', 'early')
  await t.rejects(leaving, { message: /^aborted early$/, code: undefined })
  t.strictSame(await staying, { size, sha256: digestOf(size, 1) })
  t.equal(consumer.notes('dyad.transfer.started').length, 1, 'it was not begun anew')
  await writing
})

test('when the process that fetches is killed, the one that waits for it fetches', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc' })
  const [producer, first, second] = await Promise.all([cluster.producer(), cluster.consumer(), cluster.consumer()])
  const size = 400_000_000
  await producer.ask('write', 'x', size, 1)
  const lost = first.ask('consume', 'x')
  await first.noted('midway')
  const reading = second.ask('read', 'x')
  await Promise.all([first.kill(), t.rejects(lost)])
  t.strictSame(await reading, { size, sha256: digestOf(size, 1) })
})
