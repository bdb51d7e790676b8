import { chmodSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import type { FileRecord } from '@dyad-ts/core'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { writeSparse } from '../../harness/sparse.js'
import { putRecord } from '../../harness/stored.js'

/** Runs a command under a umask. */
const under = (umask: string) => ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh']
const modeOf = (path: string) => statSync(path).mode & 0o7777

test("a consumer's file has the published permissions, less the umask of the consumer", async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  const publish = async (name: string, size: number, mode: number) => {
    const path = cluster.path('a', name)
    writeSparse(path, size)
    chmodSync(path, mode)
    await producer.ask('produce', name)
  }
  for (const dtlMode of ['local', 'rpc', 'tcp'] as const) {
    const directory = cluster.directory(`c-${dtlMode}`)
    const consumer = await cluster.app('C', { dtlMode, consumerPath: directory }, {}, under('027'))
    for (const [kind, size] of [
      ['inline', 100],
      ['moved', 100_000],
    ] as const) {
      for (const [mode, expected] of [
        [0o777, 0o750],
        [0o664, 0o640],
        [0o640, 0o640],
        [0o444, 0o440],
        [0o4755, 0o750],
      ] as const) {
        const name = `${dtlMode}/${kind}/${mode.toString(8)}`
        await publish(name, size, mode)
        const local = await consumer.ask<string>('consume', name)
        t.equal(modeOf(local), expected, name)
        const stored = consumer.notes('dyad.consumer.stored').length
        await consumer.ask('consume', name)
        t.equal(consumer.notes('dyad.consumer.stored').length, stored, 'and is not stored anew')
        await publish(name, size, 0o600)
        await consumer.ask('consume', name)
        t.equal(modeOf(local), 0o600, 'other permissions arrive when they are published')
      }
    }
    t.strictSame(consumer.notes('dyad.kvs.unreadable'), [])
  }
})

test('no record makes a set-id file at the consumer, whatever its publisher put into it', async (t) => {
  const { cluster } = await Cluster.start(t)
  await using client = cluster.client()
  const consumer = await cluster.consumer({ dtlMode: 'rpc' })
  for (const [name, size] of [
    ['small', 4],
    ['large', 4_000],
  ] as const) {
    const path = cluster.path('a', name)
    writeFileSync(path, Buffer.alloc(size, 'x'))
    const { mtimeNs } = statSync(path, { bigint: true })
    const inline = size === 4 ? Buffer.from('xxxx') : undefined
    const file = { path: name, owner: 'A', size, mtimeNs, mode: 0o6755, storage: cluster.path('a'), inline }
    await putRecord(client.namespace('flow'), file)
    t.equal((await consumer.ask<FileRecord>('lookup', name)).mode, 0o755)
    t.equal(modeOf(await consumer.ask<string>('consume', name)) & 0o7000, 0, name)
  }
})

test("the modification time of a consumer's file is the time of storing it", async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  for (const [name, size] of [
    ['small', 4],
    ['large', 100_000],
  ] as const) {
    const path = cluster.path('a', name)
    writeSparse(path, size)
    const published = new Date('2001-02-03T04:05:06Z')
    utimesSync(path, published, published)
    const record = await producer.ask<FileRecord>('produce', name)
    t.equal(record.mtimeNs, BigInt(published.getTime()) * 1_000_000n, 'its record has the time of its owner')
    const local = await consumer.ask<string>('consume', name)
    t.ok(statSync(local).mtimeMs > published.getTime(), 'what make(1) built of an older generation is older than it')
  }
})
