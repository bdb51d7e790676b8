import { readFileSync, writeFileSync } from 'node:fs'
import type { NodeStatus } from '@dyad-ts/dyad'
import { brokerKvs } from '@dyad-ts/kvs-client'
import { connect } from '@dyad-ts/wire'
import { test } from 'tap'
import { makeCertificate } from '../../harness/certificate.js'
import { Cluster, TOKEN } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import { TestProcess } from '../../harness/process.js'

const denied = { code: 'ERR_DYAD_DENIED', rc: -2004, retryable: false, message: /DYAD_TOKEN/ }
const handlers = () => ({ message: () => {}, closed: () => {} })

/** The address of a node's rpc service. */
function rpcUrl({ transports }: NodeStatus): string {
  const address = transports.find(({ name }) => name === 'rpc')?.address
  return (JSON.parse(String(address)) as { url: string }).url
}

test('who does not know the token gets nothing from a broker or a service', async (t) => {
  const { cluster, a } = await Cluster.start(t, { token: 'right' })
  const producer = await cluster.producer()
  await producer.ask('write', 'x', 50_000, 1)
  const consumer = await cluster.consumer({ dtlMode: 'rpc' })
  const stranger = await TestProcess.start(t, 'node-process')

  for (const [what, token] of [
    ['no token', ''],
    ['another token', 'wrong'],
    ['a part of the token', 'righ'],
  ] as const) {
    await t.rejects(consumer.ask('connect', cluster.session('B', { token })), denied, `${what}: no session`)
    await t.rejects(stranger.ask('start', cluster.session('Z', { token })), denied, `${what}: no node`)
    const url = rpcUrl(await a.ask('status'))
    await t.rejects(
      connect(url, { token, audience: url, maxFrameBytes: 1_000 }, handlers),
      denied,
      `${what}: no link to the service`,
    )
  }

  t.strictSame(await consumer.ask('read', 'x'), { size: 50_000, sha256: digestOf(50_000, 1) }, 'the right token')
  const fromEnvironment = await cluster.app(
    'C',
    { token: undefined, dtlMode: 'rpc', consumerPath: cluster.directory('c') },
    { DYAD_TOKEN: 'right' },
  )
  t.match(await fromEnvironment.ask('read', 'x'), { size: 50_000 }, 'or from the environment')
})

test('without a token of its own a user has one, which every process of theirs finds', async (t) => {
  const cluster = await Cluster.prepare(t, { token: undefined })
  const [own, other] = [cluster.directory('config'), cluster.directory('other-config')]
  const session = cluster.session('A', { producerPath: cluster.directory('a') })
  const [node, producer, stranger] = await Promise.all([
    TestProcess.start(t, 'node-process', { XDG_CONFIG_HOME: own }),
    TestProcess.start(t, 'app-process', { XDG_CONFIG_HOME: own }),
    TestProcess.start(t, 'app-process', { XDG_CONFIG_HOME: other }),
  ])
  await node.ask('start', { ...session, broker: true, directories: [cluster.path('a')] })
  await producer.ask('connect', session)
  await producer.ask('write', 'x', 5_000, 1)
  const consumerOf = (env: Record<string, string>) =>
    cluster.app('B', { consumerPath: cluster.directory('b'), dtlMode: 'tcp' }, env)
  t.match(await (await consumerOf({ XDG_CONFIG_HOME: own })).ask('read', 'x'), { size: 5_000 })
  await t.rejects(stranger.ask('connect', session), denied, 'another user has another token')
  await t.rejects(consumerOf({ XDG_CONFIG_HOME: own, DYAD_OPEN: '1' }), denied, 'nor does one without get in')
  const copied = readFileSync(`${own}/dyad/token`)
  t.notSame(readFileSync(`${other}/dyad/token`), copied)
  const file = cluster.path('copied')
  writeFileSync(file, copied, { mode: 0o600 })
  t.match(await (await consumerOf({ DYAD_TOKEN_FILE: file })).ask('read', 'x'), { size: 5_000 }, 'from a copy')
})

test('beyond loopback nothing listens without a token', async (t) => {
  const cluster = await Cluster.prepare(t)
  const node = await TestProcess.start(t, 'node-process')
  for (const host of ['0.0.0.0', '::']) {
    await t.rejects(
      node.ask('start', { ...cluster.session('A', { host, token: undefined, open: true }), broker: true }),
      {
        code: 'ERR_DYAD_BIND',
        message: new RegExp(`${host} is not loopback, and no token is set.*DYAD_OPEN`),
      },
    )
  }
  t.match(
    await cluster.node('A', { broker: true, host: '0.0.0.0', advertise: '127.0.0.1', token: 'secret' }),
    {},
    'with one it does',
  )
  await t.rejects(cluster.consumer(), denied)
  await t.rejects(cluster.consumer({ token: 'secret' }), { code: 'ERR_DYAD_NAMESPACE_MISSING' }, 'and is reached')
})

test('with a certificate, broker and service speak TLS to those who trust it', async (t) => {
  const cluster = await Cluster.prepare(t)
  const { tlsKey, tlsCert } = makeCertificate(cluster.path(), '127.0.0.1')
  const kvs = cluster.kvs.replace('ws:', 'wss:')
  const trusting = { kvs, tlsCa: tlsCert }
  const a = await cluster.node('A', { ...trusting, broker: true, tlsCert, tlsKey })
  t.match(rpcUrl(await a.ask('status')), /^wss:/)
  await t.rejects(
    cluster.consumer({ kvs, kvsTimeout: 1_500 }),
    { code: 'ERR_DYAD_CERTIFICATE', message: /self-signed certificate/ },
    'who does not trust it is told so',
  )
  await t.rejects(
    cluster.consumer({ kvsTimeout: 1_500 }),
    { code: 'ERR_DYAD_KVS_UNREACHABLE' },
    'plain text gets nowhere',
  )

  await using client = brokerKvs({ url: kvs, token: TOKEN, ca: readFileSync(tlsCert) })
  await client.createNamespace('flow')
  const [producer, consumer] = await Promise.all([
    cluster.producer(trusting),
    cluster.consumer({ ...trusting, dtlMode: 'rpc' }),
  ])
  await producer.ask('write', 'x', 1_000_000, 1)
  t.strictSame(await consumer.ask('read', 'x'), { size: 1_000_000, sha256: digestOf(1_000_000, 1) })
})
