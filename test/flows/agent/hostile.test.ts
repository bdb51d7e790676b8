import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import t from 'tap'
import {
  AgentClient,
  type Answer,
  CHANGE,
  CONSUME,
  DONE,
  failure,
  frame,
  HELLO,
  hello,
  LOOK,
  MOVE,
  NEWS,
  named,
  OWN,
  PRODUCE,
  REPORT,
  text,
  WAIT,
} from '../../harness/agent-client.js'
import { Cluster } from '../../harness/cluster.js'
import { TestProcess } from '../../harness/process.js'
import { agentOf, producing, variables } from './site.js'

/** Node A, and the variables of a program there that produces and consumes. */
async function site(t: Parameters<typeof Cluster.start>[0]) {
  const { cluster, a } = await Cluster.start(t)
  const path = agentOf(cluster, 'A')
  const paths = { DYAD_PATH_PRODUCER: cluster.directory('a'), DYAD_PATH_CONSUMER: cluster.directory('b') }
  const given = variables(cluster, 'A', paths)
  return { cluster, a, path, given }
}

/** The frame FAILED with the id 0, and the end of the connection. */
async function ended(client: AgentClient): Promise<Answer> {
  const answer = await client.answerTo(0)
  await client.ended
  return answer
}

const body = (kind: number, flags: number, ...names: (string | Uint8Array)[]) =>
  frame(kind, 7, Buffer.concat([Buffer.from([flags]), ...names.map(text)]))
const sized = (length: number) => {
  const head = Buffer.alloc(9)
  head.writeUInt32LE(length)
  return head
}

t.test('what is not the protocol ends its connection, and no other one', async (t) => {
  const { path, given, cluster } = await site(t)
  await using well = await AgentClient.greet(path, given)
  const greeting = frame(HELLO, 1, hello(given))
  const before: [string, Buffer][] = [
    ['garbage', Buffer.alloc(4_096, 0xff)],
    ['text', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a frame that is too long', sized(65_537)],
    ['a frame without an id', sized(4)],
    ['an empty frame', sized(0)],
    ['another request before HELLO', body(CONSUME, 0, 'x')],
    ['another version', frame(HELLO, 1, hello(given, '', 2))],
    ['HELLO without a body', frame(HELLO, 1, Buffer.alloc(0))],
    ['HELLO that ends early', frame(HELLO, 1, hello(given).subarray(0, -1))],
    ['HELLO with more behind', frame(HELLO, 1, Buffer.concat([hello(given), Buffer.from('x')]))],
    ['a run that is too long', frame(HELLO, 1, hello({}, 'x'.repeat(256)))],
    [
      'too many variables',
      frame(HELLO, 1, hello(Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, ''])))),
    ],
  ]
  const after: [string, Buffer][] = [
    ['HELLO again', greeting],
    ['an unknown request', frame(99, 7, Buffer.alloc(0))],
    ['kind 0', frame(0, 7, Buffer.alloc(0))],
    ['an answer', frame(DONE, 7, Buffer.alloc(0))],
    ...[CONSUME, LOOK, PRODUCE, CHANGE, MOVE, REPORT, OWN, NEWS].map((kind): [string, Buffer] => [
      `request ${kind} without a body`,
      frame(kind, 7, Buffer.alloc(0)),
    ]),
    ...[
      '',
      '/',
      '/x',
      'x/',
      'x//y',
      '.',
      '..',
      '../x',
      'x/../../y',
      'x/..',
      './x',
      'x\0y',
      '\0',
      'x'.repeat(3_801),
    ].map((name): [string, Buffer] => [`the name ${JSON.stringify(name.slice(0, 10))}`, body(CONSUME, WAIT, name)]),
    ['an ill-formed name that leads out', body(PRODUCE, 0, Buffer.from('\xff/../x', 'latin1'))],
    ['a name that is longer than its frame', frame(CONSUME, 7, Buffer.from([0, 200, 0, 120]))],
    ['more behind a name', frame(CONSUME, 7, Buffer.concat([named('x'), Buffer.from('x')]))],
    ['unknown flags of CONSUME', body(CONSUME, 2, 'x')],
    ['unknown flags of PRODUCE', body(PRODUCE, 1, 'x')],
    ['unknown flags of CHANGE', body(CHANGE, 2, 'x')],
    ['unknown flags of OWN', body(OWN, 1, 'x')],
    ['unknown flags of NEWS', body(NEWS, 2, 'x')],
    ['OWN of a place that leads out', body(OWN, 0, '../x')],
    ['a MOVE that leads out', body(MOVE, 0, '../x', 'y')],
    ['a MOVE to a place that leads out', body(MOVE, 0, 'x', 'a/../../y')],
    ['a MOVE of nothing', body(MOVE, 0, '', '')],
  ]
  for (const [what, bytes] of [...before, ...after.map(([what, bytes]) => [what, Buffer.concat([greeting, bytes])])]) {
    const client = await AgentClient.connect(path)
    client.socket.write(bytes as Buffer)
    t.match(failure(await ended(client)), { code: 'ERR_DYAD_PROTOCOL', errno: constants.errno.EPROTO }, String(what))
  }
  writeFileSync(cluster.path('a', 'x'), 'x')
  t.equal(await well.produce('x'), 'done', 'another connection goes on')
  t.strictSame(readdirSync(cluster.root).sort(), ['a', 'b', 'state'], 'nothing was made elsewhere')
})

t.test('1,024 requests may be under way, and no more', async (t) => {
  const { path, given, cluster } = await site(t)
  await using producer = await producing(cluster)
  const client = await AgentClient.greet(path, given)
  const waits = Array.from({ length: 1_024 }, (_, i) => client.consume(`f${i}`))
  for (let i = 0; i < 1_024; i++) writeFileSync(cluster.path('a', `f${i}`), `${i}`)
  await Promise.all(Array.from({ length: 1_024 }, (_, i) => producer.produce(`f${i}`)))
  t.strictSame(new Set(await Promise.all(waits)), new Set(['done']))
  for (let i = 0; i < 1_024; i += 341) t.equal(readFileSync(cluster.path('b', `f${i}`), 'utf8'), `${i}`)
  const more = Array.from({ length: 1_025 }, (_, i) => client.consume(`g${i}`))
  for (const each of more) each.catch(() => {})
  t.match(failure(await ended(client)), { code: 'ERR_DYAD_PROTOCOL', message: /1024 requests/ })
  t.ok((await Promise.allSettled(more)).every(({ status }) => status === 'rejected'))
})

t.test('a frame may come byte by byte, and many in one piece', async (t) => {
  const { path, given, cluster } = await site(t)
  const client = await AgentClient.connect(path)
  client.socket.setNoDelay?.(true)
  writeFileSync(cluster.path('a', 'x'), 'x')
  const answers = [1, 2, 3].map((id) => client.answerTo(id))
  const all = Buffer.concat([
    frame(HELLO, 1, hello(given)),
    frame(PRODUCE, 2, named('x')),
    frame(CONSUME, 3, named('x', WAIT)),
  ])
  for (const byte of all) await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve))
  t.strictSame(new Set((await Promise.all(answers)).map(({ kind }) => kind)), new Set([DONE]))
  const together = Array.from({ length: 500 }, (_, i) => client.answerTo(100 + i))
  const frames = together.map((_, i) => frame(CONSUME, 100 + i, named('x')))
  client.socket.write(Buffer.concat(frames))
  for (const answer of together) t.equal((await answer).kind, DONE)
  await client[Symbol.asyncDispose]()
})

t.test('a client that does not read its answers is ended at a bound', async (t) => {
  const { path, given } = await site(t)
  const client = await AgentClient.greet(path, given)
  client.socket.pause()
  // Each is answered at once by a failure, with a message that repeats the name.
  const request = frame(PRODUCE, 7, named(`${'x'.repeat(200)}/`.repeat(18).slice(0, -1)))
  const burst = Buffer.concat(Array.from({ length: 200 }, () => request))
  let sent = 0
  while (!client.socket.destroyed && sent < 2_000) {
    sent++
    if (!client.socket.write(burst)) {
      await Promise.race([once(client.socket, 'drain').catch(() => {}), client.ended])
    }
  }
  client.socket.resume()
  await client.ended
  t.ok(sent < 2_000, `it ended after ${sent * 200} requests`)
  await using well = await AgentClient.greet(path, given)
  t.equal(await well.consume('x', 0), 'absent')
})

t.test('connections leave descriptors for what is done for them', { skip: process.platform !== 'linux' }, async (t) => {
  const cluster = await Cluster.prepare(t)
  await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  const service = await TestProcess.start(t, 'node-process')
  service.limitDescriptors(200)
  await service.ask('start', {
    ...cluster.session('A', {}),
    namespace: undefined,
    directories: [cluster.directory('a')],
  })
  const path = agentOf(cluster, 'A')
  await using first = await producing(cluster)
  const most = 150
  const clients = await Promise.all(Array.from({ length: most - 1 }, () => AgentClient.connect(path)))
  await first.ask(REPORT, text(''))
  const refused = await AgentClient.connect(path)
  t.match(failure(await ended(refused)), { code: 'ERR_DYAD_BUSY', errno: constants.errno.EBUSY, message: /150 conn/ })
  writeFileSync(cluster.path('a', 'x'), 'x')
  t.equal(await first.produce('x'), 'done', 'those there are go on')
  for (const client of clients) await client[Symbol.asyncDispose]()
  await first.ask(REPORT, text(''))
  await using next = await AgentClient.connect(path)
  t.equal((await next.ask(HELLO, hello(variables(cluster, 'A')))).kind, DONE, 'as one ends, another one comes')
})

t.test('half a HELLO and half a frame end in ten seconds', async (t) => {
  const { path, given } = await site(t)
  const silent = await AgentClient.connect(path)
  const half = await AgentClient.connect(path)
  half.socket.write(frame(HELLO, 1, hello(given)).subarray(0, 20))
  const midway = await AgentClient.greet(path, given)
  midway.socket.write(frame(CONSUME, 7, named('x', WAIT)).subarray(0, 12))
  await using idle = await AgentClient.greet(path, given)
  const waiting = idle.consume('x')
  waiting.catch(() => {})
  const endings = [silent, half, midway].map(ended)
  for (const ending of endings) t.match(failure(await ending), { code: 'ERR_DYAD_PROTOCOL' })
  t.equal(await idle.consume('y', 0), 'absent', 'a connection that waits, or does nothing, stays')
})
