import { spawnSync } from 'node:child_process'
import type { Diagnostics } from '@dyad-ts/dyad'
import { rdmaTransport } from '@dyad-ts/rdma'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import type { TestProcess } from '../../harness/process.js'

/**
 * Why rdma cannot be used here, if so. Asked before the first test: tsx was seen not to find the
 * native part of koffi after it.
 */
const { unavailable } = rdmaTransport()

/** What the last transfer that a process began went over, and why. */
function started(process: TestProcess): Pick<Diagnostics['dyad.transfer.started'], 'transport' | 'reason'> | undefined {
  return process.notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started').at(-1)
}

/** Runs a program that sees an empty directory in the place of `path`. */
const hiding = (path: string) => ['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', path]

test('the transport is the one that was asked for, else the best, and it is told which and why', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x', 100_000, 1)
  const connect = (dtlMode: string) => {
    const options = cluster.session('B', { consumerPath: cluster.directory(`by-${dtlMode}`) })
    return consumer.ask('connect', { ...options, dtlMode })
  }

  const best = 'the best that both sides have'
  for (const [dtlMode, transport, reason] of [
    ['auto', 'local', best],
    ['UCX', 'local', best],
    ['MARGO', 'local', best],
    ['local', 'local', 'DYAD_DTL_MODE is local'],
    ['tcp', 'tcp', 'DYAD_DTL_MODE is tcp'],
    ['rpc', 'rpc', 'DYAD_DTL_MODE is rpc'],
    ['FLUX_RPC', 'rpc', 'DYAD_DTL_MODE is rpc'],
  ] as const) {
    await consumer.ask('close')
    await connect(dtlMode)
    await consumer.ask('read', 'x')
    t.match(started(consumer), { transport, reason }, dtlMode)
  }
  t.equal(consumer.notes('dyad.consumer.stored').length, 7, 'each of them moved the file')

  for (const dtlMode of ['ucx', 'R', 'RPC', 'RDMA', 'AUTO', 'FLUX', '']) {
    await t.rejects(
      connect(dtlMode),
      { code: 'ERR_DYAD_DTL_MODE', rc: -1004, message: new RegExp(`'${dtlMode}' is none of`) },
      JSON.stringify(dtlMode),
    )
  }
})

test('a session over rdma alone begins where there is a device, and else fails at once', async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'x', 100_000, 1)
  await consumer.ask('close')
  const connecting = consumer.ask(
    'connect',
    cluster.session('B', { dtlMode: 'rdma', consumerPath: cluster.directory('c'), ownerTimeout: 5_000 }),
  )
  if (unavailable !== undefined) {
    const { code, rc, message } = unavailable
    await t.rejects(connecting, { code, rc, message }, 'it says why, and what tells more')
    t.match(message, /^RDMA verbs cannot be used here: on host '.+' \(.+\)\. `dyad doctor` shows/)
    return
  }
  await connecting
  await t.rejects(
    consumer.ask('read', 'x'),
    {
      code: 'ERR_DYAD_NO_TRANSPORT',
      message: /this side may use rdma alone, .*; not rdma: the owner does not offer it/,
    },
    'an owner at loopback has no address on a fabric',
  )
})

const possible = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0
const skip = possible ? false : 'needs a user namespace with mounts of its own'

test("where the owner's directory is not to be seen, tcp takes the place of local", { skip }, async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  await producer.ask('write', 'x', 100_000, 1)
  // Another directory of the same name, not none: only its device and inode tell.
  const consumer = await cluster.app('B', { consumerPath: cluster.directory('b') }, {}, hiding(cluster.path('a')))
  t.match(await consumer.ask('read', 'x'), { size: 100_000 })
  t.match(started(consumer), {
    transport: 'tcp',
    reason:
      /^the best that both sides have; not local: its directory cannot be seen from here; not rdma: the owner does not offer it$/,
  })

  await consumer.ask('close')
  await consumer.ask(
    'connect',
    cluster.session('B', { dtlMode: 'local', consumerPath: cluster.directory('c'), ownerTimeout: 5_000 }),
  )
  await t.rejects(
    consumer.ask('read', 'x'),
    {
      code: 'ERR_DYAD_NO_TRANSPORT',
      node: 'A',
      message:
        /the owner offers local, tcp, rpc; this side may use local alone, of .*; not local: its directory cannot be seen from here\)/,
    },
    'unless local alone is asked for',
  )
  t.strictSame(cluster.files('c'), [])
})
