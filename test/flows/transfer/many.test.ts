import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

const FILES = 200
const sizeOf = (i: number) => 2_000 + i * 5_000

test('one process fetches two hundred files at once, each whole', async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const a = await cluster.node('A', { leaseTtl: 60_000 })
  const [producer, consumer] = await Promise.all([
    cluster.producer(),
    cluster.consumer({ dtlMode: 'rpc', progressTimeout: 20_000, ownerTimeout: 20_000 }),
  ])
  const names = Array.from({ length: FILES }, (_, i) => `group${i % 7}/${i}`)
  await Promise.all(names.map((name, i) => producer.ask('write', name, sizeOf(i), i)))

  // While the owner hangs no transfer ends: if all of them begin, none waits for another.
  a.freeze()
  const consuming = Promise.all(names.map((name) => consumer.ask<string>('consume', name)))
  const begun = names.map((name) =>
    consumer.noted<{ record: { path: string } }>('dyad.transfer.started', ({ record }) => record.path === name),
  )
  await Promise.race([Promise.all(begun), consuming])
  t.strictSame(consumer.notes('dyad.consumer.stored'), [], `all ${FILES} are under way, and none is done`)
  a.resume()
  const locals = await consuming
  const digests = locals.map((local) => createHash('sha256').update(readFileSync(local)).digest('hex'))
  t.strictSame(
    digests,
    names.map((_, i) => digestOf(sizeOf(i), i)),
  )
  t.strictSame(cluster.files('b'), [...names].sort(), 'nothing else is there')
  t.equal(consumer.notes('dyad.transfer.started').length, FILES, 'no file was moved twice')
})

test('a consumer that does not read holds up nobody else', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const [producer, slow, other] = await Promise.all([
    cluster.producer(),
    cluster.consumer({ dtlMode: 'rpc' }),
    cluster.app('C', { dtlMode: 'rpc', consumerPath: cluster.directory('c') }),
  ])
  const size = 64 * 2 ** 20
  await producer.ask('write', 'big', size, 1)
  const before = await a.ask<number>('peakMiB')
  const consuming = slow.ask<string>('consume', 'big', { pauseAt: 1 })
  await slow.noted('paused')
  t.strictSame(await other.ask('read', 'big'), { size, sha256: digestOf(size, 1) }, 'the same file')
  await producer.ask('write', 'small', 100, 2)
  t.strictSame(await other.ask('read', 'small'), { size: 100, sha256: digestOf(100, 2) }, 'and another')
  const grown = (await a.ask<number>('peakMiB')) - before
  t.ok(grown < 48, `what it does not read is not kept for it: ${Math.round(grown)} MiB`)
  slow.unblock()
  t.equal(readFileSync(await consuming).length, size, 'it gets its file when it goes on')
})
