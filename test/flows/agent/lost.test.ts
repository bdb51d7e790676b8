import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import t from 'tap'
import { AgentClient, REPORT, text } from '../../harness/agent-client.js'
import { Cluster } from '../../harness/cluster.js'
import { agentOf, consuming, producing } from './site.js'

const { errno } = constants

t.test('an agent that is killed ends its connections, and the next one listens at the same path', async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  await cluster.node('A')
  const b = await cluster.node('B')
  await using producer = await producing(cluster)
  const consumer = await consuming(cluster)
  const waiting = consumer.consume('x')
  waiting.catch(() => {})
  await consumer.consume('y', 0)
  await b.kill()
  await consumer.ended
  await t.rejects(waiting, { message: 'the connection has ended' })
  await t.rejects(AgentClient.connect(agentOf(cluster, 'B')), { code: 'ECONNREFUSED' })
  await cluster.node('B')
  await using anew = await consuming(cluster)
  const asked = anew.consume('x')
  writeFileSync(cluster.path('a', 'x'), 'after all')
  t.equal(await producer.produce('x'), 'done')
  t.equal(await asked, 'done')
  t.equal(readFileSync(cluster.path('b', 'x'), 'utf8'), 'after all')
})

t.test('a wait outlives the store, and what asks for the store meanwhile fails', async (t) => {
  const cluster = await Cluster.prepare(t)
  const store = { broker: true, data: cluster.path('data'), directories: [] }
  const broker = await cluster.node('K', store)
  await cluster.createNamespace()
  await cluster.node('A')
  await cluster.node('B')
  await using producer = await producing(cluster, { DYAD_KVS_TIMEOUT: '500' })
  await using consumer = await consuming(cluster, { DYAD_KVS_TIMEOUT: '500' })
  const waiting = consumer.consume('x')
  t.equal(await consumer.consume('y', 0), 'absent')
  await broker.kill()
  writeFileSync(cluster.path('a', 'x'), 'x')
  await t.rejects(producer.produce('x'), { code: /^ERR_DYAD_(KVS_UNREACHABLE|PUBLISH)$/, errno: errno.ENETUNREACH })
  await t.rejects(producer.change('x'), { code: 'ERR_DYAD_KVS_UNREACHABLE', errno: errno.ENETUNREACH })
  await t.rejects(consumer.consume('y', 0), { code: 'ERR_DYAD_KVS_UNREACHABLE', errno: errno.ENETUNREACH })
  await cluster.node('K', store)
  const produced = async (): Promise<string> => {
    try {
      return await producer.produce('x')
    } catch {
      return produced()
    }
  }
  t.equal(await produced(), 'done')
  t.equal(await waiting, 'done')
})

t.test('a namespace that is removed ends the waits for its files', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  await using consumer = await consuming(cluster)
  const waiting = consumer.consume('x')
  await consumer.consume('y', 0)
  await using client = cluster.client()
  const refused = t.rejects(waiting, { code: 'ERR_DYAD_NAMESPACE_MISSING', errno: errno.ENXIO })
  await client.removeNamespace('flow')
  await refused
})

t.test('a service whose agent cannot listen does not start, and says why', async (t) => {
  const cluster = await Cluster.prepare(t)
  const directory = dirname(agentOf(cluster, 'A'))
  mkdirSync(dirname(directory), { mode: 0o700 })
  writeFileSync(directory, 'no directory')
  await t.rejects(cluster.node('A', { broker: true }), { code: 'ERR_DYAD_SYSTEM', path: directory })
  rmSync(directory)
  mkdirSync(directory, { mode: 0o755 })
  await t.rejects(cluster.node('A', { broker: true }), { code: 'ERR_DYAD_OPTION', message: /chmod 700/ })
  rmSync(directory, { recursive: true })
  await cluster.node('A', { broker: true })
})

t.test('a second agent at the path is refused, and a node that stops takes its agent along', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const path = agentOf(cluster, 'A')
  await t.rejects(cluster.node('A'), { code: 'ERR_DYAD_NODE_TAKEN' })
  await using client = await producing(cluster)
  await a.ask('stop')
  await client.ended
  await t.rejects(AgentClient.connect(path), { code: 'ENOENT' }, 'the socket is gone')
})

t.test('a publish that has begun goes on when its program has gone', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  // It reads the whole file before it publishes it.
  const producer = await producing(cluster, { DYAD_DIGEST_ALL: '1' })
  writeFileSync(cluster.path('a', 'large'), Buffer.alloc(48 * 2 ** 20))
  producer.produce('large').catch(() => {})
  // The agent has read that when it answers this.
  await producer.ask(REPORT, text(''))
  await producer[Symbol.asyncDispose]()
  await using consumer = await consuming(cluster)
  t.equal(await consumer.consume('large'), 'done')
})

t.test('idle connections make room where descriptors are short', { skip: process.platform !== 'linux' }, async (t) => {
  const { cluster } = await Cluster.start(t)
  const b = await cluster.node('B')
  await using producer = await producing(cluster)
  writeFileSync(cluster.path('a', 'large'), Buffer.alloc(300_000))
  await producer.produce('large')
  await using consumer = await consuming(cluster)
  const waiting = consumer.consume('later')
  const idle = await Promise.all(Array.from({ length: 10 }, () => consuming(cluster)))
  b.limitDescriptors(readdirSync(`/proc/${b.pid}/fd`).length)
  t.equal(await consumer.consume('large'), 'done')
  await Promise.all(idle.map(({ ended }) => ended))
  writeFileSync(cluster.path('a', 'later'), 'x')
  await producer.produce('later')
  t.equal(await waiting, 'done', 'a connection that waits is not idle')
})
