import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Diagnostics } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

const SIZE = 16 * 2 ** 20
const PAUSE = 5 * 2 ** 20

test("a transfer goes on where it stopped when the owner's service is killed midway and started again", async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const a = await cluster.node('A')
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'rpc' })])
  await producer.ask('write', 'big', SIZE, 1)

  const consuming = consumer.ask<string>('consume', 'big', { pauseAt: PAUSE })
  await consumer.noted('paused')
  t.equal(cluster.files('b').filter((name) => !name.startsWith('.dyad-')).length, 0, 'nothing stands at its path yet')
  await a.kill()
  await cluster.node('A')
  consumer.unblock()

  const local = await consuming
  const hash = createHash('sha256')
  await pipeline(createReadStream(local), hash)
  t.equal(hash.digest('hex'), digestOf(SIZE, 1), 'every byte is there')
  t.strictSame(cluster.files('b'), ['big'], 'and nothing else')
  const starts = consumer.notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started').map(({ start }) => start)
  t.equal(starts[0], 0)
  t.ok((starts.at(-1) ?? 0) >= PAUSE, `it went on at byte ${starts.at(-1)}`)
  t.ok(consumer.notes('dyad.transfer.retry').length > 0, 'and told of it')
  t.match(consumer.notes('dyad.consumer.stored'), [{ moved: SIZE }], 'no byte was moved twice')
})
