import type { Diagnostics } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster, freePort } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

type Lost = Diagnostics['dyad.kvs.lost']
type Back = Diagnostics['dyad.kvs.back']

const whole = { size: 100, sha256: digestOf(100, 1) }

/** Nodes K, which hosts a durable store, and A, and a consumer that waits for `x`. */
async function site(t: Parameters<typeof Cluster.prepare>[0], options: { timeout?: number; abort?: string } = {}) {
  const cluster = await Cluster.prepare(t)
  const store = { broker: true, data: cluster.path('data'), directories: [] }
  const broker = await cluster.node('K', store)
  await cluster.createNamespace()
  const consumer = await cluster.consumer({ kvsTimeout: 3_000 })
  const reading = consumer.ask('read', 'x', options)
  reading.catch(() => {})
  await consumer.noted('waiting')
  const publish = async () => {
    await cluster.node('A')
    await (await cluster.producer()).ask('write', 'x', 100, 1)
  }
  return { cluster, store, broker, consumer, reading, publish }
}

/** What a process says of the store, on the channels and in the events of a stream. */
const said = (consumer: TestProcess) =>
  ['dyad.kvs.lost', 'storeLost', 'dyad.kvs.back', 'storeBack'].map((name) => consumer.notes(name).length)

test('who waits is told that the store is gone and why, and that it is back', async (t) => {
  const { cluster, store, broker, consumer, reading, publish } = await site(t)
  await broker.kill()
  const lost = await consumer.noted<Lost>('dyad.kvs.lost')
  t.equal(lost.address, cluster.kvs)
  t.ok(lost.since <= Date.now() && lost.why.message.length > 0)
  t.match(await consumer.noted('storeLost'), { address: cluster.kvs, path: 'x' }, 'an event of the stream')
  await cluster.node('K', store)
  t.strictSame(await consumer.noted<Back>('dyad.kvs.back'), { address: cluster.kvs, since: lost.since })
  await consumer.noted('storeBack')
  await publish()
  t.strictSame(await reading, whole, 'it went on waiting')
  t.strictSame(said(consumer), [1, 1, 1, 1], 'each once')
})

test('a store that hangs is one that is gone, until it goes on', async (t) => {
  const { cluster, broker, consumer, reading, publish } = await site(t)
  broker.freeze()
  t.match(await consumer.noted<Lost>('dyad.kvs.lost'), { address: cluster.kvs, why: /silent for 3 s/ })
  broker.resume()
  await consumer.noted<Back>('dyad.kvs.back')
  await publish()
  t.strictSame(await reading, whole)
  t.strictSame(said(consumer), [1, 1, 1, 1])
})

test('who waits in vain while the store is away is told so, and not to look after the producer', async (t) => {
  const { cluster, broker, consumer, reading } = await site(t, { timeout: 4_000 })
  await broker.kill()
  const away = {
    code: 'ERR_DYAD_KVS_UNREACHABLE',
    message: new RegExp(`no answer in \\d+ ms.*the store ${cluster.kvs} has been away since 2\\S+Z: .*ECONNREFUSED`),
  }
  await t.rejects(reading, { ...away, path: 'x' })
  await t.rejects(consumer.ask('consume', 'y', { timeout: 500 }), { ...away, path: 'y' })
  await t.rejects(consumer.ask('read', 'z', { timeout: 500 }), { ...away, path: 'z' })
  t.match(
    consumer.notes<{ path: string }>('storeLost').map(({ path }) => path),
    ['x', 'z'],
    'whoever comes while it is away is told at once',
  )
  t.equal(consumer.notes('dyad.kvs.lost').length, 1)
})

test('a watch is told, too, and goes on', async (t) => {
  const { cluster, store, broker, consumer, reading, publish } = await site(t)
  const watching = consumer.ask('watch', '**', 1)
  await broker.kill()
  await consumer.noted('storeLost', ({ path }: { path: string }) => path === 'watch **')
  await cluster.node('K', store)
  await publish()
  t.strictSame(await watching, ['x'])
  await reading
})

test('a service is told, and a consumer that looks for an owner', async (t) => {
  const cluster = await Cluster.prepare(t)
  const broker = await cluster.node('K', { broker: true, data: cluster.path('data'), directories: [] })
  await cluster.createNamespace()
  const a = await cluster.node('A')
  const stray = await cluster.app('Z', { producerPath: cluster.directory('z') })
  await stray.ask('write', 'stray', 10_000, 1)
  const consumer = await cluster.consumer({ ownerTimeout: 2_000 })
  const consuming = consumer.ask('consume', 'stray', {})
  consuming.catch(() => {})
  await consumer.ask('lookup', 'stray')
  await broker.kill()
  t.match(await a.noted<Lost>('dyad.kvs.lost'), { address: cluster.kvs })
  await t.rejects(consuming, { code: 'ERR_DYAD_KVS_UNREACHABLE', node: 'Z', message: /has been away since/ })
})

test('a session that begins without a store says at once what it waits for', async (t) => {
  const cluster = await Cluster.prepare(t)
  const kvs = `ws://127.0.0.1:${await freePort()}`
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const late = await cluster.consumer()
  await t.rejects(late.ask('connect', cluster.session('B', { kvs, kvsTimeout: 700 })), { message: /ECONNREFUSED/ })
  t.match(await late.noted<Lost>('dyad.kvs.lost'), { address: kvs, why: /ECONNREFUSED/ })
})
