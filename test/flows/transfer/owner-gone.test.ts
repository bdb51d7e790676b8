import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

const SIZE = 8 * 2 ** 20
const PATIENCE = { dtlMode: 'rpc', ownerTimeout: 1_500, progressTimeout: 500 } as const

const unreachable = (path: string, node: string, message: RegExp) => ({
  code: 'ERR_DYAD_OWNER_UNREACHABLE',
  rc: -2004,
  retryable: true,
  path,
  node,
  message,
})

test('an owner that is gone or hangs is an error that names it, and never a hang or a partial file', async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  // The lease outlives the patience of the consumers, so that they meet the silence of the owner
  // itself.
  const owner = () => cluster.node('A', { leaseTtl: 60_000 })
  let a = await owner()
  const [producer, stray] = await Promise.all([
    cluster.producer(),
    cluster.app('Z', { producerPath: cluster.directory('z') }),
  ])
  await producer.ask('write', 'big', SIZE, 1)
  await stray.ask('write', 'stray', 10_000, 1)
  const consumer = await cluster.consumer(PATIENCE)
  /** Consumes, pauses midway, and goes on once `meanwhile` is done. */
  const interrupted = async (who: TestProcess, meanwhile: () => unknown) => {
    const consuming = who.ask('consume', 'big', { pauseAt: 2 ** 20 })
    consuming.catch(() => {})
    await who.noted('paused')
    await meanwhile()
    who.unblock()
    return consuming
  }

  await t.test('hanging midway', async (t) => {
    const midway = /node 'A'.*no progress for 1500 ms, \d{7,} of 8388608 bytes arrived: .*DYAD_PROGRESS_TIMEOUT/
    await t.rejects(
      interrupted(consumer, () => a.freeze()),
      unreachable('big', 'A', midway),
    )
    t.strictSame(cluster.files('b'), [], 'no file, not even a temporary one')
  })

  await t.test('hanging from the beginning', async (t) => {
    const other = await cluster.consumer(PATIENCE)
    await t.rejects(other.ask('read', 'big'), unreachable('big', 'A', /0 of 8388608 bytes arrived/))
    t.strictSame(cluster.files('b'), [])
  })

  await t.test('it works once the owner goes on', async (t) => {
    a.resume()
    t.strictSame(await consumer.ask('read', 'big'), { size: SIZE, sha256: digestOf(SIZE, 1) })
  })

  const late = await cluster.app('C', { consumerPath: cluster.directory('c'), ...PATIENCE })

  await t.test('gone midway', async (t) => {
    await t.rejects(
      interrupted(late, () => a.kill()),
      unreachable('big', 'A', /node 'A'.*no progress for 1500 ms, \d{7,} of 8388608 bytes arrived/),
    )
    t.strictSame(cluster.files('c'), [])
  })

  await t.test('gone before', async (t) => {
    await t.rejects(late.ask('read', 'big'), unreachable('big', 'A', /0 of 8388608 bytes arrived: .*ECONNREFUSED/))
    t.strictSame(cluster.files('c'), [])
  })

  await t.test('never there', async (t) => {
    await t.rejects(
      consumer.ask('read', 'stray'),
      unreachable('stray', 'Z', /node 'Z'.*no service has registered that node/),
    )
    t.strictSame(cluster.files('b'), ['big'])
  })

  await t.test('it works once the owner is back', async (t) => {
    a = await owner()
    t.strictSame(await late.ask('read', 'big'), { size: SIZE, sha256: digestOf(SIZE, 1) })
    await cluster.node('Z')
    t.strictSame(await consumer.ask('read', 'stray'), { size: 10_000, sha256: digestOf(10_000, 1) })
  })
})

test('an owner that is dead is out of the registry when its lease ends', async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const a = await cluster.node('A', { leaseTtl: 300 })
  const [producer, consumer] = await Promise.all([
    cluster.producer(),
    cluster.consumer({ ownerTimeout: 2_000, dtlMode: 'rpc' }),
  ])
  await producer.ask('write', 'x', 10_000, 1)
  await a.kill()
  await t.rejects(consumer.ask('consume', 'x'), unreachable('x', 'A', /no service has registered that node/))
})
