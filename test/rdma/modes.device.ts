import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DtlMode, NodeStatus } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../harness/cluster.js'
import { digestOf } from '../harness/contents.js'
import { COMMON, starts } from './support/guest.js'

const COMMAND = fileURLToPath(new URL('../bin/dyad.js', import.meta.resolve('@dyad-ts/dyad')))
const SIZES = [0, 40, 5 * 2 ** 20]

/** The ways to node A, as `dyad status` tells them. */
async function waysToA(cluster: Cluster, dtlMode: DtlMode): Promise<Record<string, unknown>[]> {
  const env = {
    ...process.env,
    DYAD_KVS: cluster.kvs,
    DYAD_TOKEN: COMMON.token,
    DYAD_STATE_DIR: cluster.path('state'),
    DYAD_DTL_MODE: dtlMode,
  }
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, 'status', '--json'], { env })
  const { store } = JSON.parse(stdout)
  return store.nodes.find(({ node }: { node: string }) => node === 'A').transports
}

test('over rdma files arrive as they are, and it is told where rdma is offered and why another is used', async (t) => {
  const { cluster, a } = await Cluster.start(t, COMMON)
  const producer = await cluster.producer()
  for (const size of SIZES) await producer.ask('write', `of ${size}`, size, size)
  const consumer = await cluster.consumer()
  const connect = (dtlMode: DtlMode) => {
    const consumerPath = cluster.directory(`by-${dtlMode}`)
    return consumer.ask('connect', cluster.session('B', { dtlMode, consumerPath }))
  }

  await t.test('dtlMode rdma', async (t) => {
    await connect('rdma')
    for (const size of SIZES) {
      const local = await consumer.ask<string>('consume', `of ${size}`)
      t.equal(createHash('sha256').update(readFileSync(local)).digest('hex'), digestOf(size, size), `${size} bytes`)
      t.match(starts(consumer).at(-1), { transport: 'rdma', node: 'A', record: { path: `of ${size}` } })
    }
  })

  const { transports } = await a.ask<NodeStatus>('status')
  const address = transports.find(({ name }) => name === 'rdma')?.address
  t.match(JSON.parse(String(address)), { v: 1, ends: [{ host: '10.99.0.1', port: Number }] })
  for (const dtlMode of ['auto', 'UCX'] as const) {
    await t.test(`dtlMode ${dtlMode}: on one host local is better`, async (t) => {
      await connect(dtlMode)
      await consumer.ask('consume', 'of 40')
      t.match(starts(consumer).at(-1), { transport: 'local', reason: 'the best that both sides have' })
      t.match(await waysToA(cluster, dtlMode), [
        { transport: 'local', isUsed: true },
        { transport: 'rdma', address, isUsed: false, reason: 'a better one serves' },
      ])
    })
  }
  t.match(await waysToA(cluster, 'rdma'), [
    { transport: 'local', isUsed: false, reason: 'DYAD_DTL_MODE is rdma' },
    { transport: 'rdma', address, isUsed: true },
  ])
})
