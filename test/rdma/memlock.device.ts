import type { DtlMode, NodeStatus } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../harness/cluster.js'
import { digestOf } from '../harness/contents.js'
import { TestProcess } from '../harness/process.js'
import { COMMON, elsewhere, starts } from './support/guest.js'

const SIZE = 3 * 2 ** 20
const LIMITED = ['setpriv', '--bounding-set', '-ipc_lock', 'prlimit', '--memlock=8388608']

test('where memory cannot be locked files move over tcp, and it is told why', async (t) => {
  const { cluster } = await Cluster.start(t, COMMON)
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE, 1)
  const consume = async (node: string, through: readonly string[], dtlMode: DtlMode) => {
    const consumer = await cluster.app(node, { consumerPath: cluster.directory(node), dtlMode }, {}, through)
    const read = await consumer.ask('read', 'big')
    return { read, started: starts(consumer).at(-1) }
  }
  const whole = { size: SIZE, sha256: digestOf(SIZE, 1) }
  const through = elsewhere(cluster.path('a'))

  const free = await consume('free', through, 'auto')
  t.same(free.read, whole)
  t.match(free.started, { transport: 'rdma' }, 'it is the best between hosts')

  const limited = await consume('limited', [...through, ...LIMITED], 'auto')
  t.same(limited.read, whole)
  t.match(limited.started, { transport: 'tcp', reason: /RLIMIT_MEMLOCK is 8388608 bytes/ })

  const refused = { code: 'ERR_DYAD_RDMA_UNAVAILABLE', message: /RLIMIT_MEMLOCK is 8388608 bytes/ }
  await t.rejects(consume('strict', [...through, ...LIMITED], 'rdma'), refused, 'who wants rdma gets nothing else')

  const node = await TestProcess.start(t, 'node-process', {}, [], LIMITED)
  const options = { ...cluster.session('L', {}), namespace: undefined, directories: [cluster.directory('l')] }
  await t.rejects(node.ask('start', { ...options, dtlMode: 'rdma' }), refused, 'nor does a service')
  const status = await node.ask<NodeStatus>('start', options)
  t.match(status.unavailable, [{ transport: 'rdma', reason: refused.message }])
  t.same(
    status.transports.map(({ name }) => name),
    ['local', 'tcp', 'rpc'],
    'which offers the others',
  )
})
