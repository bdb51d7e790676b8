import { readdirSync, readlinkSync } from 'node:fs'
import type { ConfigOptions } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { Reading } from '../../harness/halting-reader.js'
import { pausedReading } from '../../harness/midway.js'
import type { TestProcess } from '../../harness/process.js'
import type { Teardown } from '../../harness/teardown.js'

const SIZE = 24 * 2 ** 20
const WHOLE = { size: SIZE, sha256: digestOf(SIZE, 1), standing: SIZE }

/**
 * A store of its own, so that the owner can hang or die without it; the lease outlives the silence.
 */
async function site(t: Teardown, options: ConfigOptions = {}) {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const owner = () => cluster.node('A', { leaseTtl: 60_000 })
  const a = await owner()
  const producer = await cluster.producer()
  const consumer = await cluster.consumer({ dtlMode: 'rpc', ...options })
  return { cluster, a, owner, producer, consumer }
}

test('a file is read while it arrives, by all who want it over one transfer; nothing stands at its path before it is whole', async (t) => {
  const { cluster, a, producer, consumer } = await site(t)
  await producer.ask('write', 'x', SIZE, 1)
  const { reading } = await pausedReading(consumer, 'x')
  a.freeze()
  consumer.unblock()
  const join = (as: string) => consumer.ask<Reading>('readHalting', './x', { as, haltAt: 1 })
  const late = join('late')
  const leaving = t.rejects(join('leaving'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  for (const name of ['late', 'leaving']) await consumer.noted('halted', (as) => as === name)
  t.pass('its first bytes are read while its owner hangs')
  t.match(cluster.files('b'), [/^\.dyad-/], 'and nothing stands at its path')
  await consumer.ask('destroyReader', 'leaving')
  await leaving
  t.match(cluster.files('b'), [/^\.dyad-/], 'one who leaves does not end it for the others')
  await consumer.ask('proceedReading', 'late')
  t.strictSame(consumer.notes('end'), [], 'nobody has come to the end')
  a.resume()
  t.strictSame(await reading, WHOLE, 'every byte, and the whole file at its path when the end comes')
  t.strictSame(await late, WHOLE, 'also for who came late')
  t.strictSame(cluster.files('b'), ['x'])
  t.equal(consumer.notes('dyad.transfer.started').length, 1, 'over one transfer')
})

test('when the only reader leaves midway the transfer ends, here and at the owner', async (t) => {
  const { cluster, a, producer, consumer } = await site(t)
  await producer.ask('write', 'x', SIZE, 1)
  const others = Array.from({ length: 10 }, (_, i) => `other${i}`)
  for (const name of others) await producer.ask('write', name, 10_000, 1)
  const { reading } = await pausedReading(consumer, 'x')
  t.ok(opens(a, cluster.path('a', 'x')), 'the owner has it open')
  a.freeze()
  consumer.unblock()
  await consumer.ask('destroyReader', 'x')
  await t.rejects(reading, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  t.strictSame(cluster.files('b'), [], 'once it has closed nothing is left on disk')
  a.resume()
  // Served over the same link, after it was told of the end.
  for (const name of others) await consumer.ask('consume', name)
  t.notOk(opens(a, cluster.path('a', 'x')), 'the owner has closed it')
})

/** Whether a process has a file open. */
function opens(who: TestProcess, path: string): boolean {
  const fds = `/proc/${who.pid}/fd`
  return readdirSync(fds).some((fd) => {
    try {
      return readlinkSync(`${fds}/${fd}`) === path
    } catch {
      return false
    }
  })
}

test('an owner that dies midway for good is an error for who reads, and never an end', async (t) => {
  const { cluster, a, producer, consumer } = await site(t, { ownerTimeout: 1_500, progressTimeout: 500 })
  await producer.ask('write', 'x', SIZE, 1)
  const { reading } = await pausedReading(consumer, 'x')
  await a.kill()
  consumer.unblock()
  await t.rejects(reading, {
    code: 'ERR_DYAD_OWNER_UNREACHABLE',
    rc: -2004,
    node: 'A',
    path: 'x',
    message: /node 'A'.*no progress for 1500 ms, \d{5,} of \d+ bytes arrived/,
  })
  t.strictSame(consumer.notes('end'), [])
  t.strictSame(cluster.files('b'), [], 'nothing is left on disk')
})

test('reading goes on when the owner was killed midway and started again', async (t) => {
  const { cluster, a, owner, producer, consumer } = await site(t)
  await producer.ask('write', 'x', SIZE, 1)
  const { reading } = await pausedReading(consumer, 'x')
  await a.kill()
  await owner()
  consumer.unblock()
  t.strictSame(await reading, WHOLE)
  t.equal(consumer.notes('dyad.transfer.retry').length, 1, 'it was told of')
  t.match(consumer.notes('dyad.consumer.stored'), [{ moved: SIZE }], 'no byte was moved twice')
  t.strictSame(cluster.files('b'), ['x'])
})

test('a slow reader does not hold up the transfer, and reads to the end when the owner is gone', async (t) => {
  const { cluster, a, producer, consumer } = await site(t)
  await producer.ask('write', 'x', SIZE, 1)
  const reading = consumer.ask<Reading>('readHalting', 'x', { haltAt: 1 })
  await consumer.noted('halted')
  await consumer.noted('dyad.consumer.stored')
  t.strictSame(cluster.files('b'), ['x'])
  await a.kill()
  await consumer.ask('proceedReading', 'x')
  t.strictSame(await reading, WHOLE)
})
