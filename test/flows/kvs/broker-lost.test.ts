import { test } from 'tap'
import { Cluster, freePort } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

/** Publishes a file once the store answers in time, which a busy machine may not do at first. */
async function produced(producer: TestProcess, path: string): Promise<unknown> {
  for (;;) {
    try {
      return await producer.ask('produce', path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_DYAD_KVS_UNREACHABLE') throw error
    }
  }
}

test('without a broker at the address a session does not begin', async (t) => {
  const kvs = `ws://127.0.0.1:${await freePort()}`
  const cluster = await Cluster.prepare(t)
  await t.rejects(cluster.consumer({ kvs, kvsTimeout: 1_000 }), {
    code: 'ERR_DYAD_KVS_UNREACHABLE',
    rc: -2000,
    retryable: true,
    message: new RegExp(`${kvs}: cannot be reached in 1000 ms; .*ECONNREFUSED`),
  })
  await t.rejects(
    cluster.node('A', { kvs, kvsTimeout: 1_000 }),
    { code: 'ERR_DYAD_KVS_UNREACHABLE' },
    'nor does a node',
  )
})

test('a broker that hangs or is gone makes publishing fail, and work again when it is back', async (t) => {
  const cluster = await Cluster.prepare(t)
  const options = { broker: true, data: cluster.path('data'), directories: [] }
  const first = await cluster.node('K', options)
  await cluster.createNamespace()
  await cluster.node('A')
  const producer = await cluster.producer({ kvsTimeout: 1_000 })
  const lost = { code: 'ERR_DYAD_KVS_UNREACHABLE', message: new RegExp(cluster.kvs) }

  await t.test('hanging', async (t) => {
    first.freeze()
    await t.rejects(producer.ask('write', 'frozen', 100, 1), { ...lost, message: /no answer in 1000 ms/ }, 'a stream')
    await t.rejects(producer.ask('produce', 'frozen'), lost, 'and produce')
    first.resume()
    t.match(await produced(producer, 'frozen'), { path: 'frozen', size: 100 }, 'it works once the broker goes on')
  })

  await t.test('gone', async (t) => {
    await first.kill()
    await t.rejects(producer.ask('write', 'gone', 100, 2), lost, 'a stream')
    await t.rejects(producer.ask('produce', 'gone'), lost, 'and produce')
    await t.rejects(producer.ask('lookup', 'gone'), lost, 'and whoever looks up')
    t.ok(cluster.files('a').includes('gone'), 'the file itself was written')
    await cluster.node('K', options)
    await produced(producer, 'gone')
    const consumer = await cluster.consumer()
    t.strictSame(await consumer.ask('read', 'gone'), { size: 100, sha256: digestOf(100, 2) }, 'it works with the next')
  })
})

test('the time that a caller allows is kept while the broker hangs', async (t) => {
  const cluster = await Cluster.prepare(t)
  const broker = await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  // The store's own time would outlast the test.
  const consumer = await cluster.consumer({ kvsTimeout: 600_000 })
  const waiting = consumer.ask('read', 'waiting', { timeout: 5_000 })
  waiting.catch(() => {})
  await consumer.noted('waiting')
  broker.freeze()
  const late = { code: 'ERR_DYAD_KVS_UNREACHABLE', path: 'x', message: /no answer in 300 ms, the time that the caller/ }
  for (const op of ['read', 'consume', 'lookup', 'openFile']) {
    await t.rejects(consumer.ask(op, 'x', { timeout: 300 }), late, op)
  }
  await t.rejects(
    waiting,
    { ...late, path: 'waiting', message: /no answer in 5000 ms/ },
    'and so is that of one that waited before, which does not blame the producer',
  )
})
