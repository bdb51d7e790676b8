import { readdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { type AgentClient, NEWS, REPORT, text, WAIT } from '../../harness/agent-client.js'
import { Cluster } from '../../harness/cluster.js'
import type { TestProcess } from '../../harness/process.js'
import { consuming, producing } from './site.js'

function descriptorsOf({ pid }: TestProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

t.test('thousands of programs, one after the other, leave nothing behind', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  writeFileSync(cluster.path('a', 'x'), 'x')
  const program = async () => {
    await using client = await producing(cluster)
    await client.produce('x')
  }
  for (let i = 0; i < 100; i++) await program()
  const before = descriptorsOf(a)
  for (let i = 0; i < 2_000; i++) await program()
  t.ok(descriptorsOf(a) <= before + 1, 'no descriptor')
})

t.test('programs that end while they wait leave nothing behind', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  await cluster.node('B')
  await using stays = await producing(cluster)
  const before = descriptorsOf(a)
  const consumers = { DYAD_NODE: 'A', DYAD_PATH_CONSUMER: cluster.directory('b') }
  for (let round = 0; round < 20; round++) {
    const clients = await Promise.all(Array.from({ length: 20 }, () => producing(cluster, consumers)))
    for (const client of clients) {
      client.consume('never').catch(() => {})
      await client.consume('never', 0)
      await client[Symbol.asyncDispose]()
    }
  }
  await stays.change('x')
  // The session of the consumers has a store of its own.
  t.ok(descriptorsOf(a) <= before + 4, 'no descriptor')
})

t.test(
  'read ahead goes on over programs that follow one another',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const { cluster } = await Cluster.start(t)
    await cluster.node('B')
    await using producer = await producing(cluster)
    for (let i = 0; i < 12; i++) {
      writeFileSync(cluster.path('a', `frame-${i}`), 'x')
      await producer.produce(`frame-${i}`)
    }
    for (let i = 0; i < 8; i++) {
      await using consumer = await consuming(cluster)
      t.equal(await consumer.consume(`frame-${i}`), 'done')
    }
    const appears = async (name: string): Promise<void> => {
      if (readdirSync(cluster.path('b')).includes(name)) return
      await new Promise((resolve) => setImmediate(resolve))
      return appears(name)
    }
    await appears('frame-9')
    t.pass('nobody asked for it')
  },
)

t.test('the report of a run tells what its programs waited for, moved and could not have', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  const report = async (client: Awaited<ReturnType<typeof consuming>>, run: string) =>
    JSON.parse((await client.ask(REPORT, text(run))).body.toString())
  await using producer = await producing(cluster, {}, 'r1')
  await using consumer = await consuming(cluster, {}, 'r1')
  await using other = await consuming(cluster, {}, 'r2')
  const nothing = {
    consumed: { files: 0, bytes: 0, moved: 0 },
    produced: { files: 0, bytes: 0 },
    waited: { times: 0, ms: 0 },
    waits: [],
    failed: 0,
    failures: [],
  }
  t.strictSame(await report(consumer, 'r1'), nothing)
  t.strictSame(await report(consumer, 'unknown'), nothing)
  const waiting = consumer.consume('large')
  await consumer.consume('small', 0)
  writeFileSync(cluster.path('a', 'large'), Buffer.alloc(100_000))
  writeFileSync(cluster.path('a', 'small'), Buffer.alloc(40))
  for (const name of ['large', 'small']) await producer.produce(name)
  await waiting
  for (let i = 0; i < 3; i++) await consumer.consume('small')
  await t.rejects(consumer.produce('x'), { code: 'ERR_DYAD_UNTRACKED' })
  t.strictSame((await report(producer, 'r1')).produced, { files: 2, bytes: 100_040 })
  const found = await report(consumer, 'r1')
  t.match(found, {
    consumed: { files: 2, bytes: 100_040, moved: 100_000 },
    waited: { times: 1, ms: Number },
    waits: [{ path: 'large', times: 1, ms: Number }],
    failed: 1,
    failures: [{ request: 'PRODUCE', path: 'x', code: 'ERR_DYAD_UNTRACKED', message: /no producer-managed/ }],
  })
  t.strictSame(await report(other, 'r2'), nothing, 'another run')
  const aborted = consumer.consume('never')
  aborted.catch(() => {})
  await consumer.consume('small', 0)
  await consumer[Symbol.asyncDispose]()
  const until = async (): Promise<unknown> => {
    const { waits } = await report(other, 'r1')
    return waits.some(({ path }: { path: string }) => path === 'never') ? waits : until()
  }
  t.match(await until(), [{ path: String }, { path: String }], 'a wait that ends with its program counts')
})

/** What is new of a run, from an index on. */
async function news(client: AgentClient, run: string, from: number, flags = 0): Promise<unknown[]> {
  const { body } = await client.ask(NEWS, Buffer.concat([Buffer.from([flags, from, 0]), text(run)]))
  return JSON.parse(body.toString())
}

t.test('the news of a run tell once of each failure, of files that nobody can fetch, and of the store', async (t) => {
  const cluster = await Cluster.prepare(t)
  const kept = { broker: true, data: cluster.path('data'), directories: [] }
  const store = await cluster.node('K', kept)
  await cluster.createNamespace()
  await cluster.node('A')
  await cluster.node('B')
  await using consumer = await consuming(cluster, { DYAD_TIMEOUT: '50' }, 'r')
  t.strictSame(await news(consumer, 'r', 0), [])
  t.strictSame(await news(consumer, '', 0), [], 'of no run')
  const coming = news(consumer, 'r', 0, WAIT)
  for (let i = 0; i < 3; i++) await t.rejects(consumer.consume('never'), { code: 'ERR_DYAD_TIMEOUT' })
  const told = [{ kind: 'failure', text: /^ERR_DYAD_TIMEOUT: .*'never'/ }]
  t.match(await coming, told)
  const all = await news(consumer, 'r', 0)
  t.match(all, told)
  t.equal(all.length, 1, 'the same failure is told once')

  // Files of a directory that the service of the node does not serve.
  const elsewhere = { DYAD_PATH_PRODUCER: cluster.directory('elsewhere') }
  await using producer = await producing(cluster, elsewhere, 'p')
  writeFileSync(cluster.path('elsewhere', 'x'), 'x')
  await producer.produce('x')
  t.match(await news(producer, 'p', 0), [
    { kind: 'warning', text: /^the service of node 'A' serves .*\/a: nobody can/ },
  ])

  await using waiting = await consuming(cluster, {}, 'w')
  const later = waiting.consume('later')
  const lost = news(waiting, 'w', 0, WAIT)
  t.equal(await waiting.consume('other', 0), 'absent', 'it waits at the store by now')
  await store.kill()
  t.match(await lost, [{ kind: 'store', text: /^waiting for the store ws:/ }])
  const back = news(waiting, 'w', 1, WAIT)
  await cluster.node('K', kept)
  t.match(await back, [{ kind: 'store', text: /^the store \S+ is back after \d/ }])
  later.catch(() => {})
})

t.test('a report fits into a frame, whatever happened', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  const consumer = await consuming(cluster, {}, 'r')
  const long = (i: number) => `${i}/${`${'ü'.repeat(120)}/`.repeat(15)}x`
  const waits = Array.from({ length: 1_000 }, (_, i) => consumer.consume(long(i)))
  for (const wait of waits) wait.catch(() => {})
  await consumer.consume('x', 0)
  await consumer[Symbol.asyncDispose]()
  await using producer = await consuming(cluster, { DYAD_PATH_PRODUCER: cluster.directory('b') }, 'r')
  await Promise.allSettled(Array.from({ length: 200 }, (_, i) => producer.produce(long(i))))
  const report = async (): Promise<[Buffer, Record<string, { times: number; length: number }>]> => {
    const { body } = await producer.ask(REPORT, text('r'))
    const found = JSON.parse(body.toString())
    return found.waited.times === 1_000 ? [body, found] : report()
  }
  const [body, found] = await report()
  t.ok(body.length < 65_000, `${body.length}`)
  t.equal(found['failed'], 200)
  t.ok((found['failures']?.length ?? 0) > 0 && (found['failures']?.length ?? 0) <= 100)
})
