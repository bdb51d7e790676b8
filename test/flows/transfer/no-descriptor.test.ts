import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'

/** The bytes of a file that travels in its record, and of one that does not. */
const SIZES = { small: 40, large: 300_000 } as const
/** Few, so that they are all taken soon. */
const LIMIT = 128

test('a session that begins when no descriptor is free waits for one, each time', async (t) => {
  const cluster = await Cluster.prepare(t, { ownerTimeout: 60_000 })
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  await cluster.node('A', { directories: [cluster.directory('a')] })
  const producer = await cluster.producer()
  for (const [name, size] of Object.entries(SIZES)) await producer.ask('write', name, size, 1)

  for (const dtlMode of ['local', 'tcp', 'rpc'] as const) {
    for (const work of ['read', 'open', 'consume', 'prefetch'] as const) {
      for (const [name, size] of Object.entries(SIZES)) {
        if (name === 'small' && dtlMode !== 'tcp') continue
        const label = `${work} ${name} over ${dtlMode}`
        const consumerPath = cluster.directory(label)
        const consumer = await cluster.limitedApp(LIMIT, label, { dtlMode, consumerPath })
        const bytes = work === 'prefetch' ? 1 : size
        t.strictSame(
          await consumer.ask('withNoneFree', work, name, size),
          { bytes, isShort: true, warnings: [] },
          label,
        )
        await consumer.kill()
      }
    }
  }
  for (const work of ['write', 'create'] as const) {
    for (const size of Object.values(SIZES)) {
      const label = `${work} ${size} bytes`
      const writer = await cluster.limitedApp(LIMIT, 'A', { producerPath: cluster.directory('a') })
      const outcome = await writer.ask('withNoneFree', work, `${work}/${size}`, size)
      t.strictSame(outcome, { bytes: size, isShort: true, warnings: [] }, label)
      await writer.kill()
    }
  }
})
