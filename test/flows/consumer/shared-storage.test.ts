import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('on shared storage opens wait, and nothing moves', async (t) => {
  const cluster = await Cluster.prepare(t, { sharedStorage: true })
  // No service serves the directory: nobody needs one.
  await cluster.node('store', { broker: true, directories: [] })
  await cluster.createNamespace()
  const directory = cluster.directory('shared')
  const producer = await cluster.app('A', { producerPath: directory })
  const consumer = await cluster.app('B', { consumerPath: directory, ownerTimeout: 1_000 })
  const reading = consumer.ask('read', 'x')
  await consumer.noted('waiting')
  await producer.ask('write', 'x', 50_000, 1)
  t.strictSame(await reading, { size: 50_000, sha256: digestOf(50_000, 1) })
  const { ino } = statSync(cluster.path('shared', 'x'))
  t.equal(consumer.notes('dyad.transfer.started').length, 0)
  t.strictSame(cluster.files('shared'), ['x'])
  t.equal(statSync(cluster.path('shared', 'x')).ino, ino, 'the file is the one that was written')

  writeFileSync(cluster.path('shared', 'x'), 'changed')
  await t.rejects(
    consumer.ask('read', 'x'),
    { code: 'ERR_DYAD_CHANGED', path: 'x' },
    'a change that was not published is told',
  )
  rmSync(cluster.path('shared', 'x'))
  await t.rejects(consumer.ask('read', 'x'), { code: 'ERR_DYAD_GONE' })
})

test('shared storage may show a file later than the store shows its record', async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const producer = await cluster.producer({ inlineLimit: 0 })
  const consumer = await cluster.consumer({ sharedStorage: true })
  /**
   * Shows a file to the consumer, as a cache of its host does: first nothing or its beginning, then
   * all of it.
   */
  const show = (path: string) => execFileSync('cp', ['-p', cluster.path('a', path), cluster.path('b', path)])
  const whole = { size: 50_000, sha256: digestOf(50_000, 1) }

  await t.test('the file itself, in a directory that is late, too', async (t) => {
    await producer.ask('write', 'dir/late', 50_000, 1)
    const reading = consumer.ask('read', 'dir/late')
    reading.catch(() => {})
    // Longer than a new record may be late.
    await delay(3_500)
    mkdirSync(cluster.path('b', 'dir'))
    show('dir/late')
    t.strictSame(await reading, whole)
  })

  await t.test('its size', async (t) => {
    await producer.ask('write', 'short', 50_000, 1)
    show('short')
    truncateSync(cluster.path('b', 'short'), 4_096)
    const consuming = consumer.ask('consume', 'short')
    consuming.catch(() => {})
    await delay(3_500)
    show('short')
    t.equal(await consuming, cluster.path('b', 'short'))
  })

  await t.test('a newer version, whose record comes meanwhile', async (t) => {
    await producer.ask('write', 'new', 50_000, 2)
    const reading = consumer.ask('read', 'new')
    reading.catch(() => {})
    await producer.ask('write', 'new', 50_000, 1)
    show('new')
    t.strictSame(await reading, whole)
  })

  await t.test('one that never comes in sight is an error that says what was looked for where', async (t) => {
    const hasty = await cluster.app('B', {
      consumerPath: cluster.directory('b'),
      sharedStorage: true,
      ownerTimeout: 700,
    })
    await producer.ask('write', 'never', 50_000, 1)
    const place = cluster.path('b', 'never')
    await t.rejects(hasty.ask('read', 'never'), {
      code: 'ERR_DYAD_GONE',
      path: 'never',
      node: 'A',
      message: new RegExp(`it is not at ${place}; it was looked for at ${place} for 700 ms`),
    })
    writeFileSync(place, 'something else')
    await t.rejects(hasty.ask('consume', 'never'), {
      code: 'ERR_DYAD_CHANGED',
      message: new RegExp(`${place} has 14 bytes, 50000 bytes were published; it was looked for .* for 700 ms`),
    })
  })
  t.equal(consumer.notes('dyad.transfer.started').length, 0, 'nothing moves')
})

test('a node that consumes what it produced itself reads the file where it is', async (t) => {
  const { cluster } = await Cluster.start(t)
  const directory = cluster.directory('a')
  const both = await cluster.app('A', { producerPath: directory, consumerPath: directory })
  await both.ask('write', 'x', 50_000, 1)
  t.strictSame(await both.ask('read', 'x'), { size: 50_000, sha256: digestOf(50_000, 1) })
  t.equal(both.notes('dyad.transfer.started').length, 0)
})

test('two nodes whose managed directory turns out to be one and the same move nothing', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  const consumer = await cluster.app('B', { consumerPath: cluster.directory('a') })
  await producer.ask('write', 'x', 50_000, 1)
  const { ino } = statSync(cluster.path('a', 'x'))
  t.strictSame(await consumer.ask('read', 'x'), { size: 50_000, sha256: digestOf(50_000, 1) })
  t.equal(statSync(cluster.path('a', 'x')).ino, ino, 'the published file was not replaced by a copy')
})
