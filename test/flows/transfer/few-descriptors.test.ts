import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { TestProcess } from '../../harness/process.js'

const FILES = 600
/** More than travels in a record, in bytes. */
const SIZE = 20_000
const FEW = 128

test('more streams at once than there are descriptors: each has its turn', { timeout: 240_000 }, async (t) => {
  // A machine that is busy with other tests takes its time.
  const cluster = await Cluster.prepare(t, { ownerTimeout: 120_000, progressTimeout: 60_000 })
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const service = await TestProcess.start(t, 'node-process')
  service.limitDescriptors(FEW)
  const directories = [cluster.directory('a')]
  await service.ask('start', { ...cluster.session('A', {}), namespace: undefined, directories })

  const producer = await cluster.limitedApp(FEW, 'A', { producerPath: cluster.directory('a') })
  await producer.ask('writeAllAtOnce', FILES, SIZE)
  t.equal((await producer.ask<string[]>('list')).length, FILES, 'all are written and published')

  for (const [dtlMode, descriptors] of [
    ['tcp', 2 * FEW],
    ['tcp', FEW],
    ['local', FEW],
    ['rpc', FEW],
  ] as const) {
    const label = `${dtlMode} with ${descriptors}`
    const consumerPath = cluster.directory(label)
    const consumer = await cluster.limitedApp(descriptors, label, { dtlMode, consumerPath })
    t.strictSame(await consumer.ask('readAllAtOnce', FILES, SIZE), { right: FILES, others: [] }, `streams, ${label}`)
    t.equal(await consumer.ask('openAllAtOnce', FILES, SIZE), FILES, `handles, ${label}`)
    await consumer.kill()
  }
})
