import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { ConfigOptions, Diagnostics } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { contents, digestOf } from '../../harness/contents.js'
import type { HaltingOptions, Reading } from '../../harness/halting-reader.js'
import type { TestProcess } from '../../harness/process.js'
import type { Teardown } from '../../harness/teardown.js'

const SIZE = 20_000
const frame = (i: number) => `frame-${String(i).padStart(4, '0')}`
const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

async function site(t: Teardown, options: ConfigOptions = {}) {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'rpc', ...options })])
  const write = async (...names: string[]) => {
    for (const [i, name] of names.entries()) await producer.ask('write', name, SIZE, i)
  }
  return { cluster, producer, consumer, write }
}

type Ahead = Diagnostics['dyad.consumer.ahead']

/** Resolves once a file was brought before it was asked for. */
const isAhead = (who: TestProcess, path: string) =>
  who.noted<Ahead>('dyad.consumer.ahead', ({ record }) => record.path === path)

/** What was brought so far before it was asked for, sorted. */
const ahead = (who: TestProcess) =>
  who
    .notes<Ahead>('dyad.consumer.ahead')
    .map(({ record }) => record.path)
    .sort()

async function consumeAll(who: TestProcess, names: string[]): Promise<void> {
  for (const name of names) await who.ask('consume', name)
}

test('who walks through numbered names finds the next ones there, and no more than the bound', async (t) => {
  const { cluster, consumer, write } = await site(t, { readAhead: 3 })
  await write(...numbers(1, 20).map(frame))
  await consumeAll(consumer, numbers(1, 4).map(frame))
  for (const i of [5, 6, 7]) await isAhead(consumer, frame(i))
  t.notOk(cluster.files('b').includes(frame(8)), 'but not those beyond')
  t.strictSame(
    ahead(consumer).filter((name) => name > frame(7)),
    [],
  )
  const transfers = () => consumer.notes('dyad.transfer.started').length
  t.equal(transfers(), 7)
  t.strictSame(await consumer.ask('read', frame(5)), { size: SIZE, sha256: digestOf(SIZE, 4) })
  await isAhead(consumer, frame(8))
  t.equal(transfers(), 8, 'each moves once')
  t.strictSame(
    cluster.files('b').filter((name) => !name.startsWith('.dyad-')),
    numbers(1, 8).map(frame),
  )
})

test('backwards, in strides, and along names that come again', async (t) => {
  const { consumer, cluster, write } = await site(t)
  await write(...numbers(1, 12).map(frame))
  await consumeAll(consumer, [frame(12), frame(10), frame(8)])
  for (const i of [6, 4, 2]) await isAhead(consumer, frame(i))
  t.strictSame(
    ahead(consumer).filter((name) => Number(name.slice(-4)) % 2 === 1),
    [],
    'what is stepped over is not fetched',
  )

  const names = ['north', 'crab', 'lyra', 'vega']
  await write(...names)
  const replaying = await cluster.app('C', { dtlMode: 'rpc', consumerPath: cluster.directory('c') })
  await consumeAll(replaying, names)
  t.strictSame(ahead(replaying), [], 'the first time nothing is known of them')
  await write(...names)
  await replaying.ask('consume', 'north')
  for (const name of ['crab', 'lyra', 'vega']) await isAhead(replaying, name)
})

test('what is not published is waited for quietly, and fetched once it is', async (t) => {
  const { cluster, consumer, write } = await site(t)
  await write(...numbers(1, 3).map(frame))
  await consumeAll(consumer, numbers(1, 3).map(frame))
  await consumer.ask('lookup', frame(4))
  t.equal(consumer.notes('dyad.transfer.started').length, 3)
  t.strictSame(cluster.files('b'), numbers(1, 3).map(frame))
  await write(frame(4))
  await isAhead(consumer, frame(4))
  t.ok(cluster.files('b').includes(frame(4)), 'without being asked for')
  t.strictSame(consumer.notes('dyad.consumer.notAhead'), [])
  t.strictSame(consumer.notes('dyad.kvs.waiting'), [])
  await consumer.ask('close')
  t.strictSame(cluster.files('b'), numbers(1, 4).map(frame), 'what is still expected keeps no session from closing')
})

test('a file that was fetched ahead and published anew since is read anew', async (t) => {
  const { consumer, producer, write } = await site(t)
  await write(...numbers(1, 5).map(frame))
  await consumeAll(consumer, numbers(1, 3).map(frame))
  for (const i of [4, 5]) await isAhead(consumer, frame(i))
  for (const i of [4, 5]) await producer.ask('write', frame(i), SIZE, 100 + i)
  for (const i of [4, 5]) {
    t.strictSame(await consumer.ask('read', frame(i)), { size: SIZE, sha256: digestOf(SIZE, 100 + i) }, frame(i))
  }
})

test('0 files are no read ahead', async (t) => {
  const { cluster, consumer, write } = await site(t, { readAhead: 0 })
  await write(...numbers(1, 9).map(frame))
  await consumeAll(consumer, numbers(1, 8).map(frame))
  for (let turns = 0; turns < 10; turns++) await consumer.ask('lookup', frame(9))
  await turn()
  t.strictSame(ahead(consumer), [])
  t.equal(cluster.files('b').length, 8)
})

test('a list is brought as far as it is published, and counted', async (t) => {
  const { cluster, consumer, write } = await site(t, { ownerTimeout: 300 })
  await write('x', 'y', 'held')
  await consumer.ask('consume', 'held')
  const stray = await cluster.app('Z', { producerPath: cluster.directory('z') })
  await stray.ask('write', 'unreachable', SIZE, 1)
  const names = ['x', 'never', 'y', 'held', 'unreachable', 'neither']
  t.strictSame(await consumer.ask('prefetch', names), { present: 3, unpublished: 2, failed: 1 })
  t.strictSame(cluster.files('b'), ['held', 'x', 'y'])
  t.ok(readFileSync(cluster.path('b', 'y')).equals(Buffer.concat([...contents(SIZE, 1)])))
  t.match(consumer.notes('dyad.consumer.notAhead'), [{ path: 'unreachable' }])
  await t.rejects(consumer.ask('prefetch', ['x', cluster.path('a', 'x')]), { code: 'ERR_DYAD_UNTRACKED' })

  const before = await consumer.ask<number>('peakMiB')
  const counts = await consumer.ask('prefetchNumbers', 1_000_000)
  t.strictSame(counts, { present: 0, unpublished: 1_000_000, failed: 0 }, 'any number of names')
  const grown = (await consumer.ask<number>('peakMiB')) - before
  t.ok(grown < 100, `in little memory: ${Math.round(grown)} MiB`)
  t.strictSame(cluster.files('b'), ['held', 'x', 'y'])
})

test('what is asked for goes first, and joins what is already on its way', async (t) => {
  const { cluster, consumer, producer, write } = await site(t)
  const big = 48 * 2 ** 20
  await producer.ask('write', 'big', big, 7)
  await write('small')
  const listing = consumer.ask('prefetch', ['big'], { pauseAt: 'big' })
  await consumer.noted('paused')
  const small = consumer.ask<Reading>('readHalting', 'small', { pauseAt: 1 } satisfies HaltingOptions)
  const joining = consumer.ask('read', './big')
  consumer.unblock()
  await consumer.noted('paused', (as) => as === 'small')
  t.notOk(cluster.files('b').includes('big'), 'the big one is not here yet when the small one is')
  consumer.unblock()
  t.strictSame(await small, { size: SIZE, sha256: digestOf(SIZE, 0), standing: SIZE })
  t.strictSame(await joining, { size: big, sha256: digestOf(big, 7) })
  t.strictSame(await listing, { present: 1, unpublished: 0, failed: 0 })
  t.equal(consumer.notes('dyad.transfer.started').length, 2, 'each moved once')

  await producer.ask('write', 'left', big, 8)
  const aborted = consumer.ask('prefetch', ['left'], { abort: 'list', pauseAt: 'left' })
  const cut = t.rejects(aborted, { message: /^aborted list$/ })
  await consumer.noted('paused', (path) => path === 'left')
  const abort = consumer.ask('abort', 'list')
  consumer.unblock()
  await Promise.all([abort, cut])
  t.notOk(
    cluster.files('b').some((name) => name.startsWith('.dyad-')),
    'an abort leaves nothing',
  )
})
