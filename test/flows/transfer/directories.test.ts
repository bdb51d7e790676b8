import { realpathSync } from 'node:fs'
import type { NodeStatus } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

test('one service serves any number of managed directories, and no other', async (t) => {
  const cluster = await Cluster.prepare(t)
  const names = ['one', 'two', 'three/deep']
  const directories = names.map((name) => cluster.path(name))
  const a = await cluster.node('A', { broker: true, directories })
  await cluster.createNamespace()
  const status = await a.ask<NodeStatus>('status')
  t.strictSame(
    status.directories,
    directories.map((path) => realpathSync(path)),
    'missing ones are made',
  )

  const [producer, consumer] = await Promise.all([
    cluster.app('A', { producerPath: cluster.path('one') }),
    cluster.consumer({ dtlMode: 'rpc', ownerTimeout: 5_000 }),
  ])
  const writeInto = async (directory: string, path: string, seed: number) => {
    await producer.ask('close')
    await producer.ask('connect', cluster.session('A', { producerPath: cluster.path(directory) }))
    await producer.ask('write', path, 10_000, seed)
  }

  for (const [seed, name] of names.entries()) {
    await writeInto(name, `of-${seed}`, seed)
    t.strictSame(await consumer.ask('read', `of-${seed}`), { size: 10_000, sha256: digestOf(10_000, seed) }, name)
  }

  await t.test('the same path in another directory is a newer generation of the same file', async (t) => {
    for (const [seed, name] of names.entries()) {
      await writeInto(name, 'same', seed)
      t.strictSame(await consumer.ask('read', 'same'), { size: 10_000, sha256: digestOf(10_000, seed) }, name)
    }
  })

  await t.test('a directory that the service was not given is refused, with those that it was', async (t) => {
    await writeInto('unserved', 'lost', 1)
    const served = directories.map((path) => realpathSync(path)).join(', ')
    for (const op of ['read', 'consume']) {
      await t.rejects(consumer.ask(op, 'lost'), {
        code: 'ERR_DYAD_REFUSED',
        path: 'lost',
        node: 'A',
        message: `its service serves ${served}, not ${realpathSync(cluster.path('unserved'))}`,
      })
    }
    t.notOk(cluster.files('b').includes('lost'))
  })
})

test('with relative paths off, a relative path is relative to the working directory', async (t) => {
  const { cluster } = await Cluster.start(t)
  const b = cluster.directory('b')
  // What is the parent directory of both managed directories is the working directory of both
  // programs.
  const inRoot = ['env', '-C', cluster.root]
  const [producer, consumer] = await Promise.all([
    cluster.app('A', { producerPath: cluster.path('a') }, { DYAD_PATH_RELATIVE: '0' }, inRoot),
    cluster.app('B', { consumerPath: b, relative: false }, {}, inRoot),
  ])
  await producer.ask('write', 'a/run/x', 10_000, 1)
  t.strictSame(cluster.files('a'), ['run/x'])
  t.match(await producer.ask('lookup', cluster.path('a', 'run', 'x')), { path: 'run/x' }, 'it is published as run/x')
  t.strictSame(await consumer.ask('read', 'b/run/x'), { size: 10_000, sha256: digestOf(10_000, 1) })
  t.strictSame(await consumer.ask('read', `${b}/run/x`), { size: 10_000, sha256: digestOf(10_000, 1) }, 'or absolute')
  await t.rejects(
    consumer.ask('consume', 'run/x'),
    { code: 'ERR_DYAD_UNTRACKED' },
    'what lies elsewhere is not managed',
  )
  await t.rejects(consumer.ask('read', 'run/x'), { code: 'ENOENT' }, 'and is read as node:fs would')
  await producer.ask('write', 'plain.txt', 100, 1)
  t.strictSame(await producer.ask('list'), ['run/x'], 'or written, and not published')
})
