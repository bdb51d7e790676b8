import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { contents } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

const bytes = (size: number, seed: number) => Buffer.concat([...contents(size, seed)])

/**
 * What somebody does to a published file behind DYAD's back, and the error that a consumer gets.
 */
const CHANGES: Record<string, [code: string, change: (path: string) => void]> = {
  deleted: ['ERR_DYAD_GONE', (path) => rmSync(path)],
  truncated: ['ERR_DYAD_CHANGED', (path) => truncateSync(path, 60_000)],
  emptied: ['ERR_DYAD_CHANGED', (path) => truncateSync(path, 0)],
  grown: ['ERR_DYAD_CHANGED', (path) => appendFileSync(path, 'more')],
  replaced: ['ERR_DYAD_CHANGED', replace],
  rewritten: ['ERR_DYAD_CHANGED', (path) => writeFileSync(path, bytes(100_000, 2))],
  moved: ['ERR_DYAD_GONE', (path) => renameSync(path, `${path}.elsewhere`)],
}

/** Puts other bytes of the same size in the file's place. */
function replace(path: string): void {
  writeFileSync(`${path}.new`, bytes(100_000, 2))
  renameSync(`${path}.new`, path)
}

test('a published file that is no longer what was published is an error and never wrong bytes', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  for (const name of Object.keys(CHANGES)) await producer.ask('write', name, 100_000, 1)
  for (const [name, [, change]] of Object.entries(CHANGES)) change(cluster.path('a', name))

  for (const dtlMode of ['local', 'rpc'] as const) {
    const consumerPath = cluster.directory(dtlMode)
    const consumer = await cluster.consumer({ dtlMode, consumerPath, ownerTimeout: 1_000 })
    await Promise.all(
      Object.entries(CHANGES).map(([name, [code]]) =>
        t.rejects(consumer.ask('read', name), { code, path: name, node: 'A' }, `${dtlMode}: ${name}`),
      ),
    )
    t.strictSame(cluster.files(dtlMode), [], `${dtlMode}: no file, whole or temporary`)
  }

  // A program on the owner's own node reads the very file: it is told as well.
  const neighbour = await cluster.app('A', { consumerPath: cluster.path('a'), ownerTimeout: 1_000 })
  await Promise.all(
    Object.entries(CHANGES).map(([name, [code]]) =>
      t.rejects(neighbour.ask('read', name), { code, path: name }, `on its own node: ${name}`),
    ),
  )
})

test('a file that is published anew is delivered in its new version, whole', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  for (const dtlMode of ['local', 'rpc'] as const) {
    const consumer = await cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })

    await producer.ask('write', 'before', 100_000, 1)
    const old = await consumer.ask('lookup', 'before')
    await producer.ask('write', 'before', 70_000, 2)
    const local = await consumer.ask<string>('consumeRecord', 'before', old)
    t.ok(readFileSync(local).equals(bytes(70_000, 2)), `${dtlMode}: published anew before the transfer`)

    const later = await renewedMidway(cluster, producer, consumer)
    t.ok(readFileSync(later).equals(bytes(100_000, 2)), `${dtlMode}: published anew after the old was missed`)
  }
})

/**
 * Consumes a file that was replaced, and publishes it anew once the transfer of the old one has
 * begun. A consumer waits two seconds for that; on a busy machine it may take another attempt.
 */
async function renewedMidway(cluster: Cluster, producer: TestProcess, consumer: TestProcess): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const path = `between-${attempt}`
    await producer.ask('write', path, 100_000, 1)
    replace(cluster.path('a', path))
    const consuming = consumer.ask<string>('consume', path)
    consuming.catch(() => {})
    await consumer.noted<{ record: { path: string } }>('dyad.transfer.started', ({ record }) => record.path === path)
    await producer.ask('produce', path)
    try {
      return await consuming
    } catch (error) {
      if (attempt === 5 || (error as NodeJS.ErrnoException).code !== 'ERR_DYAD_CHANGED') throw error
    }
  }
}

test('what happens to a file midway of its transfer', async (t) => {
  const size = 8 * 2 ** 20
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  /** Consumes `name` with a consumer that pauses midway until `meanwhile` is done. */
  const midway = async (consumer: TestProcess, name: string, meanwhile: (path: string) => unknown) => {
    await producer.ask('write', name, size, 1)
    const consuming = consumer.ask<string>('consume', name, { pauseAt: 2 ** 20 })
    consuming.catch(() => {})
    await consumer.noted('paused', (path) => path === name)
    await meanwhile(cluster.path('a', name))
    consumer.unblock()
    return consuming
  }
  const consumer = await cluster.consumer({ dtlMode: 'rpc', ownerTimeout: 1_000 })

  for (const [name, change] of Object.entries({
    truncated: (path: string) => truncateSync(path, 2 ** 20),
    rewritten: (path: string) => writeFileSync(path, bytes(size, 2)),
    grown: (path: string) => appendFileSync(path, 'more'),
  })) {
    await t.rejects(midway(consumer, name, change), { code: 'ERR_DYAD_CHANGED', path: name, node: 'A' }, name)
    t.strictSame(cluster.files('b'), [], 'nothing is left')
  }

  // Who has a file open reads it to its end, whatever happens to its name: what arrives is what was
  // published.
  for (const [name, change] of Object.entries({ deleted: rmSync, replaced: replace })) {
    const local = await midway(consumer, name, change)
    t.ok(readFileSync(local).equals(bytes(size, 1)), `${name}: the version that was published`)
    await t.rejects(
      cluster
        .consumer({ consumerPath: cluster.directory('other'), ownerTimeout: 1_000 })
        .then((c) => c.ask('read', name)),
      { code: name === 'deleted' ? 'ERR_DYAD_GONE' : 'ERR_DYAD_CHANGED' },
      'which who comes later does not get',
    )
  }

  const local = await midway(consumer, 'renewed', async (path) => {
    writeFileSync(path, bytes(size, 3))
    await producer.ask('produce', 'renewed')
  })
  t.ok(readFileSync(local).equals(bytes(size, 3)), 'rewritten in place and published: the new version')
  const staged = await midway(consumer, 'staged', () => producer.ask('write', 'staged', size, 4))
  const found = readFileSync(staged)
  t.ok(
    found.equals(bytes(size, 4)) || found.equals(bytes(size, 1)),
    'written anew through a stream: one of the two, whole',
  )
})
