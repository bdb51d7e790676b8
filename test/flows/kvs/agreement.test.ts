import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import type { TestProcess } from '../../harness/process.js'

test('sides that disagree on keys wait in vain, and are told what to compare', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer({ keyDepth: 3, keyBins: 1024 })
  await producer.ask('write', 'x', 100, 1)
  const consumer = await cluster.app(
    'B',
    { consumerPath: cluster.directory('b'), timeout: 50 },
    { DYAD_KEY_DEPTH: '2' },
  )
  const message = /same key depth and bins/
  await t.rejects(consumer.ask('read', 'x'), { code: 'ERR_DYAD_TIMEOUT', message }, 'another depth')
  for (const [options, what] of [
    [{ keyBins: 256 }, 'other bins'],
    [{ keyDepth: 3, keyBins: 1024 }, undefined],
  ] as const) {
    await consumer.ask('close')
    await consumer.ask('connect', cluster.session('B', { consumerPath: cluster.path('b'), timeout: 50, ...options }))
    if (what === undefined) t.match(await consumer.ask('read', 'x'), { size: 100 }, 'the same on both sides')
    else await t.rejects(consumer.ask('read', 'x'), { code: 'ERR_DYAD_TIMEOUT', message }, what)
  }
})

test('what the environment of a process says means what it says', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  await producer.ask('write', 'x', 10_000, 1)
  const b = cluster.directory('b')
  const started = (consumer: TestProcess) =>
    consumer.notes<{ transport: string }>('dyad.transfer.started').map(({ transport }) => transport)

  await t.test('"0", "false", "no", "off" and nothing are off', async (t) => {
    const consumer = await cluster.app(
      'B',
      { consumerPath: b },
      { DYAD_SHARED_STORAGE: '0', DYAD_SYNC_DEBUG: 'False', DYAD_PATH_RELATIVE: 'no', DYAD_SYNC_CHECK: '' },
    )
    await t.rejects(consumer.ask('consume', 'x'), { code: 'ERR_DYAD_UNTRACKED' }, 'paths are not relative to it')
    await consumer.ask('consume', `${b}/x`)
    t.match(consumer.notes('dyad.consumer.stored'), [{ record: { path: 'x' } }], 'the file is moved')
    t.equal(await consumer.endedStderr(), '', 'and nothing is told on stderr')
  })

  await t.test('"1" is on', async (t) => {
    const consumer = await cluster.app(
      'B',
      { consumerPath: cluster.path('a') },
      { DYAD_SHARED_STORAGE: '1', DYAD_SYNC_DEBUG: 'TRUE' },
    )
    await consumer.ask('read', 'x')
    t.match(consumer.notes('dyad.consumer.present'), [{ how: 'shared' }])
    t.match(await consumer.endedStderr(), /dyad\.consumer\.present/)
  })

  await t.test('what is neither is refused', (t) =>
    t.rejects(cluster.app('B', { consumerPath: b }, { DYAD_SHARED_STORAGE: 'maybe' }), {
      code: 'ERR_DYAD_OPTION',
      message: /DYAD_SHARED_STORAGE \("maybe" is neither on nor off/,
    }),
  )

  await t.test('names of transports are exact', async (t) => {
    const refused = (name: string) => ({
      code: 'ERR_DYAD_DTL_MODE',
      message: new RegExp(`'${name}' is none of auto, local, rdma, tcp, rpc, FLUX_RPC, UCX, MARGO`),
    })
    await t.rejects(cluster.app('B', { consumerPath: b }, { DYAD_DTL_MODE: 'R' }), refused('R'))
    const consumer = await cluster.app('B', { consumerPath: cluster.directory('named') }, { DYAD_DTL_MODE: 'FLUX_RPC' })
    await consumer.ask('read', 'x')
    t.strictSame(started(consumer), ['rpc'])
    for (const dtlMode of ['rpc ', 'flux_rpc', 'FLUX_RPC_', 'LOCAL', 'u', 'ucx']) {
      const options = { ...cluster.session('B', { consumerPath: b }), dtlMode }
      await t.rejects(consumer.ask('connect', options), refused(dtlMode), JSON.stringify(dtlMode))
    }
  })
})
