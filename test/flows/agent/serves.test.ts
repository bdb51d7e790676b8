import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import t from 'tap'
import {
  ABSENT,
  AgentClient,
  CHANGE,
  CONSUME,
  failure,
  LOOK,
  named,
  OWN,
  PRODUCE,
  RECORD,
  REMOVE,
  WAIT,
} from '../../harness/agent-client.js'
import { Cluster } from '../../harness/cluster.js'
import { TestProcess } from '../../harness/process.js'
import { agentOf, consuming, producing, variables } from './site.js'

const { errno } = constants
/** The flag of CHANGE that says that a write failed. */
const DAMAGED = 1
const SPACE = 'unshare --user --map-root-user --mount'.split(' ')
const canMount = spawnSync(SPACE[0] as string, [...SPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

/** Nodes A, with the store, and B. */
async function site(t: Parameters<typeof Cluster.start>[0]): Promise<Cluster> {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  return cluster
}

t.test('a file goes from a program of one node to a program of another', async (t) => {
  const cluster = await site(t)
  await using producer = await producing(cluster)
  await using consumer = await consuming(cluster)
  for (const [name, size] of [
    ['small', 40],
    ['deep/er/large', 300_000],
    ['empty', 0],
    ['bjørn/日本 ☃', 17],
  ] as const) {
    const bytes = Buffer.alloc(size, name)
    t.equal(await consumer.consume(name, 0), 'absent', 'it is not published yet')
    const waiting = consumer.consume(name)
    cluster.directory(`a/${name.split('/').slice(0, -1).join('/')}`)
    writeFileSync(cluster.path('a', name), bytes, { mode: 0o640 })
    t.equal(await producer.produce(name), 'done')
    t.equal(await waiting, 'done')
    t.ok(readFileSync(cluster.path('b', name)).equals(bytes), name)
    t.equal(await consumer.consume(name, 0), 'done')
    for (const flags of [0, WAIT]) {
      const { kind, body } = await consumer.ask(LOOK, named(name, flags))
      t.equal(kind, RECORD)
      t.equal(body.readBigUInt64LE(0), BigInt(size))
      t.equal(body.readBigUInt64LE(8), statSync(cluster.path('a', name), { bigint: true }).mtimeNs)
      t.equal(body.readUInt32LE(16), 0o640)
    }
  }
})

t.test('a file to which a write failed is not published until it changes anew, or is removed', async (t) => {
  const cluster = await site(t)
  await using producer = await producing(cluster)
  await using other = await producing(cluster)
  writeFileSync(cluster.path('a', 'x'), 'a part')
  const again = [() => producer.change('x'), () => producer.done(REMOVE, named('x'))]
  for (const change of again) {
    t.equal(await other.produce('x'), 'done')
    t.equal(await producer.done(CHANGE, named('x', DAMAGED)), 'done')
    await t.rejects(other.produce('x'), { code: 'ERR_DYAD_PUBLISH', errno: errno.EIO })
    await change()
  }
  t.equal(await other.produce('x'), 'done')
})

t.test('the newest version is consumed, and CHANGE withdraws it until the next PRODUCE', async (t) => {
  const cluster = await site(t)
  await using producer = await producing(cluster)
  await using consumer = await consuming(cluster)
  for (const text of ['one', 'two and more', '3']) {
    t.equal(await producer.change('x'), text === 'one' ? 'absent' : 'done', 'it says whether the file was published')
    t.equal(await producer.change('x'), 'absent')
    t.equal(await consumer.consume('x', 0), 'absent')
    const waiting = consumer.consume('x')
    writeFileSync(cluster.path('a', 'x'), text)
    t.equal(await producer.produce('x'), 'done')
    t.equal(await waiting, 'done')
    t.equal(readFileSync(cluster.path('b', 'x'), 'utf8'), text)
  }
})

t.test('nothing waits below a file that is published', async (t) => {
  const { cluster } = await Cluster.start(t)
  const b = await cluster.node('B')
  await using producer = await producing(cluster)
  await using consumer = await consuming(cluster)
  const waits = (name: string) => b.noted<{ path?: string }>('dyad.kvs.waiting', ({ path }) => path === name)
  const names = ['bundle/.git', 'bundle/objects/info', 'bundle/.git']
  const waiting = [...names.map((name) => consumer.consume(name)), consumer.ask(LOOK, named('bundle/HEAD', WAIT))]
  for (const name of [...names, 'bundle/HEAD', 'bundle']) await waits(name)
  await using other = await consuming(cluster)
  const beside = other.consume('beside/file')
  await waits('beside/file')
  writeFileSync(cluster.path('a', 'bundle'), 'text')
  t.equal(await producer.produce('bundle'), 'done')
  const [first, second, third, look] = await Promise.all(waiting)
  t.strictSame([first, second, third], ['absent', 'absent', 'absent'])
  t.match(look, { kind: ABSENT })
  t.equal(await consumer.consume('bundle/.git'), 'absent', 'it is published already')
  t.equal(await consumer.consume('bundle'), 'done')
  cluster.directory('a/beside')
  writeFileSync(cluster.path('a', 'beside/file'), 'text')
  t.equal(await producer.produce('beside/file'), 'done')
  t.equal(await beside, 'done', 'other waits go on')
})

t.test('a failure has the errno that it calls for, and is never nothing or ENOENT', async (t) => {
  const cluster = await site(t)
  const refused = async (asked: Promise<unknown>, code: string, number: number) => {
    await t.rejects(asked, { code, errno: number })
  }
  {
    await using consumer = await consuming(cluster, { DYAD_TIMEOUT: '100' })
    await refused(consumer.consume('never'), 'ERR_DYAD_TIMEOUT', errno.ETIMEDOUT)
    await refused(consumer.produce('x'), 'ERR_DYAD_UNTRACKED', errno.EINVAL)
  }
  {
    await using producer = await producing(cluster)
    await refused(producer.produce('nothing'), 'ERR_DYAD_GONE', errno.ESTALE)
    cluster.directory('a/folder')
    await refused(producer.produce('folder'), 'ERR_DYAD_PATH', errno.EINVAL)
    await refused(producer.consume('x', 0), 'ERR_DYAD_UNTRACKED', errno.EINVAL)
  }
  {
    await using none = await consuming(cluster, { DYAD_KVS_NAMESPACE: 'missing' })
    await refused(none.consume('x', 0), 'ERR_DYAD_NAMESPACE_MISSING', errno.ENXIO)
    await refused(none.consume('x'), 'ERR_DYAD_NAMESPACE_MISSING', errno.ENXIO)
    const producer = await producing(cluster, { DYAD_KVS_NAMESPACE: 'missing', DYAD_ASYNC_PUBLISH: '1' })
    writeFileSync(cluster.path('a', 'x'), 'x')
    await refused(producer.produce('x'), 'ERR_DYAD_NAMESPACE_MISSING', errno.ENXIO)
    await refused(producer.change('x'), 'ERR_DYAD_NAMESPACE_MISSING', errno.ENXIO)
    await producer[Symbol.asyncDispose]()
  }
  {
    // Node Z has no service.
    await using stray = await AgentClient.greet(
      agentOf(cluster, 'A'),
      variables(cluster, 'Z', { DYAD_PATH_PRODUCER: cluster.directory('z') }),
    )
    writeFileSync(cluster.path('z', 'stray'), Buffer.alloc(10_000))
    t.equal(await stray.produce('stray'), 'done')
    await using consumer = await consuming(cluster, { DYAD_OWNER_TIMEOUT: '200' })
    await refused(consumer.consume('stray', 0), 'ERR_DYAD_OWNER_UNREACHABLE', errno.EHOSTUNREACH)
    await refused(consumer.consume('stray'), 'ERR_DYAD_OWNER_UNREACHABLE', errno.EHOSTUNREACH)
  }
  {
    await using producer = await producing(cluster)
    await using consumer = await consuming(cluster, { DYAD_OWNER_TIMEOUT: '200' })
    writeFileSync(cluster.path('a', 'changed'), Buffer.alloc(10_000))
    t.equal(await producer.produce('changed'), 'done')
    writeFileSync(cluster.path('a', 'changed'), Buffer.alloc(20_000))
    await refused(consumer.consume('changed'), 'ERR_DYAD_CHANGED', errno.ESTALE)
  }
})

t.test('a full disk is ENOSPC', { skip: canMount ? false : 'no user namespace to mount a tmpfs in' }, async (t) => {
  const { cluster } = await Cluster.start(t)
  const script = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'
  const through = [...SPACE, 'sh', '-c', script, cluster.directory('b')]
  const service = await TestProcess.start(t, 'node-process', {}, [], through)
  const options = { ...cluster.session('B', {}), namespace: undefined, directories: [cluster.path('b')] }
  await service.ask('start', options)
  await using producer = await producing(cluster)
  await using consumer = await consuming(cluster)
  writeFileSync(cluster.path('a', 'big'), Buffer.alloc(100_000))
  writeFileSync(cluster.path('a', 'small'), Buffer.alloc(2_000))
  for (const name of ['big', 'small']) await producer.produce(name)
  await t.rejects(consumer.consume('big'), { code: 'ERR_DYAD_STORE', errno: errno.ENOSPC, message: /ENOSPC/ })
  t.equal(await consumer.consume('small'), 'done', 'what fits is consumed')
})

t.test('a consumer does not wait for what programs of its host write there themselves', async (t) => {
  const cluster = await site(t)
  await using producer = await producing(cluster)
  await using writer = await consuming(cluster)
  await using reader = await consuming(cluster)
  t.equal(await writer.done(OWN, named('out')), 'done')
  t.equal(await reader.consume('out'), 'absent', 'of another program, too')
  t.equal((await reader.ask(LOOK, named('out', WAIT))).kind, ABSENT)
  const other = reader.consume('other')
  writeFileSync(cluster.path('a', 'out'), 'published')
  t.equal(await producer.produce('out'), 'done')
  t.equal(await reader.consume('out'), 'done', 'once it is published it is brought')
  t.equal(readFileSync(cluster.path('b', 'out'), 'utf8'), 'published')
  writeFileSync(cluster.path('a', 'other'), 'later')
  t.equal(await producer.produce('other'), 'done')
  t.equal(await other, 'done', 'another name is waited for')
  await using beside = await consuming(cluster, { DYAD_PATH_CONSUMER: cluster.directory('c') })
  t.equal(await writer.done(OWN, named('beside')), 'done')
  const waiting = beside.consume('beside')
  writeFileSync(cluster.path('a', 'beside'), 'x')
  t.equal(await producer.produce('beside'), 'done')
  t.equal(await waiting, 'done', 'the same name in another directory is waited for')
})

t.test('names that no producer can publish are absent, and cannot be produced', async (t) => {
  const cluster = await site(t)
  await using producer = await producing(cluster)
  await using consumer = await consuming(cluster)
  for (const name of [Buffer.from('ill\xff\xfe', 'latin1'), 'a'.repeat(256), '.dyad-1234']) {
    for (const flags of [0, WAIT]) t.equal(await consumer.done(CONSUME, named(name, flags)), 'absent')
    const refused = await producer.ask(PRODUCE, named(name))
    t.match(failure(refused), { code: 'ERR_DYAD_PATH', errno: errno.EINVAL })
  }
})

t.test('the variables of HELLO are all there is', async (t) => {
  const cluster = await Cluster.prepare(t)
  const common = { ...variables(cluster, 'A'), DYAD_NODE: 'A' }
  // The service has other ones.
  const env = {
    DYAD_PATH_RELATIVE: '0',
    DYAD_TIMEOUT: '1',
    DYAD_KVS_NAMESPACE: 'other',
    DYAD_PATH_CONSUMER: cluster.directory('other'),
    DYAD_PATH_PRODUCER: cluster.directory('other'),
    DYAD_TOKEN: 'the token of nobody else',
  }
  await cluster.node('A', { broker: true }, env)
  await cluster.createNamespace()
  await using producer = await producing(cluster, { DYAD_PATH_RELATIVE: '0' })
  writeFileSync(cluster.path('a', 'x'), 'x')
  t.equal(await producer.produce('x'), 'done')
  const path = agentOf(cluster, 'A')
  const readers = { ...common, DYAD_PATH_CONSUMER: cluster.directory('b') }
  await using consumer = await AgentClient.greet(path, { ...readers, DYAD_PATH_RELATIVE: '0' })
  t.equal(await consumer.consume('x', 0), 'done')
  t.equal(readFileSync(cluster.path('b', 'x'), 'utf8'), 'x')
  const waiting = consumer.consume('later')
  await consumer.consume('x')
  writeFileSync(cluster.path('a', 'later'), 'x')
  await producer.produce('later')
  t.equal(await waiting, 'done', 'nothing limits its wait')
  await using nowhere = await AgentClient.greet(path, { ...readers, DYAD_KVS_NAMESPACE: '' })
  await t.rejects(nowhere.consume('x', 0), {
    code: 'ERR_DYAD_OPTION',
    message: /: namespace \(DYAD_KVS_NAMESPACE\) \(not set\)/,
  })
  const unknown = { ...readers, DYAD_TOKEN: 'not the token of this test' }
  await using stranger = await AgentClient.greet(path, unknown)
  await t.rejects(stranger.consume('x', 0), { code: 'ERR_DYAD_DENIED', errno: errno.EACCES })
  for (const [name, value, code] of [
    ['DYAD_PATH_CONSUMER', 'b', 'ERR_DYAD_OPTION'],
    ['DYAD_PATH_CONSUMER', Buffer.from('/ill\xff', 'latin1'), 'ERR_DYAD_OPTION'],
    ['DYAD_KVS', 'memory:', 'ERR_DYAD_OPTION'],
    ['DYAD_TIMEOUT', 'soon', 'ERR_DYAD_OPTION'],
    ['DYAD_DTL_MODE', 'carrier pigeon', 'ERR_DYAD_DTL_MODE'],
  ] as const) {
    await t.rejects(AgentClient.greet(path, { ...readers, [name]: value }), { code, errno: errno.EINVAL }, name)
  }
})
