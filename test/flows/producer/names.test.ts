import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('every spelling of a path names one file', async (t) => {
  const { cluster } = await Cluster.start(t)
  mkdirSync(cluster.path('real'))
  symlinkSync(cluster.path('real'), cluster.path('link'))
  const producer = await cluster.app('A', { producerPath: cluster.directory('a') })
  const consumer = await cluster.app('B', { consumerPath: cluster.path('link') })
  const spellings = [
    ['one//x', 'one/x'],
    ['two/./x', 'two/x'],
    ['three/y/../x', 'three/x'],
    ['./four/x', cluster.path('link', 'four', 'x')],
    [cluster.path('a', 'five', 'x'), cluster.path('real', 'five', 'x')],
    [cluster.path('a', '.', 'six', 'x'), 'six//x'],
  ] as const
  for (const [written, read] of spellings) {
    await producer.ask('write', written, 100, 1)
    t.strictSame(await consumer.ask('read', read), { size: 100, sha256: digestOf(100, 1) }, `${written} is ${read}`)
  }
  t.strictSame(cluster.files('real'), ['five/x', 'four/x', 'one/x', 'six/x', 'three/x', 'two/x'])
})

test('a producer-managed directory may be a symbolic link', async (t) => {
  const cluster = await Cluster.prepare(t)
  mkdirSync(cluster.path('disk'))
  symlinkSync(cluster.path('disk'), cluster.path('a'))
  await cluster.node('A', { broker: true, directories: [cluster.path('a')] })
  await cluster.createNamespace()
  const [producer, consumer] = await Promise.all([
    cluster.app('A', { producerPath: cluster.path('a') }),
    cluster.consumer(),
  ])
  await producer.ask('write', 'x', 100, 1)
  t.strictSame(await consumer.ask('read', 'x'), { size: 100, sha256: digestOf(100, 1) })
})

test('any name, over any transport', async (t) => {
  const { cluster } = await Cluster.start(t)
  const names = [
    'über/größe.nc',
    '日本語/データ.h5',
    'emoji 🚀 and spaces',
    ' leading',
    'trailing ',
    'new\nline',
    'quote\'"\\back',
    '-dash',
    '...',
    'a'.repeat(255),
    `${'é'.repeat(127)}x`,
    Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(100, 'd')).join('/'),
  ]
  const producer = await cluster.producer()
  for (const name of names) await producer.ask('write', name, 10, 3)
  for (const dtlMode of ['local', 'rpc'] as const) {
    const consumer = await cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })
    for (const name of names) {
      t.strictSame(
        await consumer.ask('read', name),
        { size: 10, sha256: digestOf(10, 3) },
        `${dtlMode}: ${name.slice(0, 30)}`,
      )
    }
    t.equal(cluster.files(dtlMode).length, names.length)
  }
  t.strictSame(await producer.ask('list'), [...names].sort(), 'and they are listed as they were written')
})

test('what cannot be a managed path is refused with the reason', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  for (const [name, why] of [
    ['nul\0byte', /NUL/],
    ['b'.repeat(256), /255 bytes/],
    [Array.from({ length: 40 }, () => 'c'.repeat(100)).join('/'), /3800 bytes/],
    ['lone \ud800 surrogate', /Unicode/],
    ['.dyad-x', /temporary/],
  ] as const) {
    const told = name.includes('\0') ? { code: 'ERR_INVALID_ARG_VALUE' } : { code: 'ERR_DYAD_PATH', message: why }
    await t.rejects(producer.ask('write', name, 1, 1), told, 'as a stream; of a NUL, node:fs itself tells')
    await t.rejects(producer.ask('produce', name), { code: 'ERR_DYAD_PATH', rc: -1003, message: why })
  }
})

test('what is no regular file of the directory is not published', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  mkdirSync(cluster.path('a', 'directory'))
  symlinkSync('/etc/hostname', cluster.path('a', 'escape'))
  execFileSync('mkfifo', [cluster.path('a', 'pipe')])
  for (const name of ['directory', 'escape', 'pipe']) {
    await t.rejects(producer.ask('produce', name), { code: 'ERR_DYAD_PATH', path: name }, name)
    t.equal(await producer.ask('lookup', name), undefined)
  }
  await t.rejects(producer.ask('produce', 'missing'), { code: 'ERR_DYAD_GONE', path: 'missing', node: 'A' })
})

test('empty files', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  await producer.ask('write', 'empty', 0, 0)
  for (const dtlMode of ['local', 'rpc'] as const) {
    const consumer = await cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })
    t.strictSame(await consumer.ask('read', 'empty'), { size: 0, sha256: digestOf(0, 0) }, dtlMode)
    t.strictSame(cluster.files(dtlMode), ['empty'])
  }
})
