import { readFileSync, statSync } from 'node:fs'
import type { FileRecord } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import type { TestProcess } from '../../harness/process.js'

const ROUNDS = 60

/** What each of three writers does with the same path in one round. */
const WAYS: Record<string, (writer: TestProcess, path: string, size: number, seed: number) => Promise<unknown>> = {
  w: (writer, path, size, seed) => writer.ask('write', path, size, seed),
  a: (writer, path, size, seed) => writer.ask('write', path, size, seed, { flags: 'a' }),
  'r+': (writer, path, size, seed) => writer.ask('write', path, size, seed, { flags: 'r+' }),
  wx: (writer, path, size, seed) =>
    writer
      .ask('write', path, size, seed, { flags: 'wx' })
      .catch(({ code }) => code === 'EEXIST' || Promise.reject(code)),
  produce: (writer, path, size, seed) => writer.ask('produceByHand', path, size, seed),
  'any of them': (writer, path, size, seed) => {
    const ways = [WAYS.w, WAYS.a, WAYS['r+'], WAYS.produce]
    return (ways[seed % ways.length] ?? fail)(writer, path, size, seed)
  },
}

function fail(): never {
  throw new Error('no such way')
}

/** Whether the record of the path is that of the file that stands there. */
async function fits(cluster: Cluster, app: TestProcess, path: string): Promise<boolean> {
  const record = await app.ask<FileRecord>('lookup', path)
  const local = cluster.path('a', path)
  const { size, mtimeNs } = statSync(local, { bigint: true })
  const isInline = record.inline === undefined || readFileSync(local).equals(record.inline)
  return BigInt(record.size) === size && record.mtimeNs === mtimeNs && isInline
}

for (const inlineLimit of [0, 65_536]) {
  const carried = inlineLimit === 0 ? 'not inline' : 'inline'
  test(`three processes that write one path leave a record that fits, ${carried}`, async (t) => {
    const { cluster } = await Cluster.start(t, { inlineLimit })
    const writers = await Promise.all([cluster.producer(), cluster.producer(), cluster.producer()])
    const [first] = writers as [TestProcess, ...TestProcess[]]
    for (const [how, write] of Object.entries(WAYS)) {
      const wrong: string[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const path = `${how}/round-${round}`
        if (how !== 'wx') await first.ask('write', path, 10, 0)
        await Promise.all(writers.map((writer, i) => write(writer, path, 100 + (round % 7) + i, 1 + round + i)))
        if (!(await fits(cluster, first, path))) wrong.push(path)
      }
      t.strictSame(wrong, [], how)
    }
  })
}

test('a writer is done though others go on changing the file, and the last of them leaves a record that fits', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [one, other] = await Promise.all([cluster.producer(), cluster.producer()])
  await one.ask('write', 'log', 10, 0)
  await other.ask('appendOn', 'log')
  for (let i = 0; i < 20; i++) await one.ask('write', 'log', 10, i, { flags: 'a' })
  await other.ask('appendNoMore')
  t.ok(await fits(cluster, one, 'log'))
})
