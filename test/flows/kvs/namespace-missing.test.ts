import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'

const missing = { code: 'ERR_DYAD_NAMESPACE_MISSING', rc: -2000, retryable: false }

test('a namespace that does not exist is an error at once, on both sides', async (t) => {
  const { cluster } = await Cluster.start(t)
  // Were it a wait, nothing would end it: there is no timeout by default.
  const message = /the namespace does not exist.*nowhere.*dyad namespace create/
  await t.rejects(cluster.producer({ namespace: 'nowhere' }), { ...missing, message }, 'to a producer')
  await t.rejects(cluster.consumer({ namespace: 'nowhere' }), { ...missing, message }, 'to a consumer')
})

test('so is one that is removed under sessions that run', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x', 100, 1)
  await consumer.ask('read', 'x')
  const about = (path: string) => ({ ...missing, path, message: /flow/ })
  const waiting = t.rejects(consumer.ask('read', 'y'), about('y'), 'an open that waits')
  const consuming = t.rejects(consumer.ask('consume', 'z'), about('z'), 'a consume that waits')
  const watching = t.rejects(consumer.ask('watch', '**', 10), missing, 'a watch')
  await consumer.noted('waiting', (path) => path === 'y')
  await consumer.noted('waiting', (path) => path === 'z')
  await consumer.noted('watched')

  await using client = cluster.client()
  await client.removeNamespace('flow')
  await Promise.all([waiting, consuming, watching])
  await t.rejects(producer.ask('write', 'y', 100, 1), about('y'), 'a stream of a producer')
  await t.rejects(producer.ask('produce', 'x'), about('x'), 'produce')
  await t.rejects(consumer.ask('read', 'x'), about('x'), 'an open, even of what is here')
  await t.rejects(consumer.ask('lookup', 'x'), about('x'), 'lookup')
  await t.rejects(consumer.ask('list'), missing, 'list')
})
