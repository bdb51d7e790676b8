import { rmSync } from 'node:fs'
import type { ConfigOptions, Diagnostics } from '@dyad-ts/dyad'
import { type Test, test } from 'tap'
import { Cluster, freePort } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import { HamperedProxy } from '../../harness/hampered-proxy.js'
import type { TestProcess } from '../../harness/process.js'
import { PROXY_HOST } from '../../harness/proxy.js'
import { nodeEntry, registerNode } from '../../harness/stored.js'

const SIZE = 4 * 2 ** 20
const PATIENCE = { ownerTimeout: 8_000, progressTimeout: 1_000 }

/**
 * A published file `x`. Its owner offers tcp through a proxy that hampers it, and beside it the
 * other transports named. The service of the owner itself runs as another node.
 */
async function site(t: Test, others: readonly string[], options: ConfigOptions = PATIENCE) {
  const { cluster } = await Cluster.start(t)
  await cluster.node('S', { directories: [cluster.directory('p')], advertise: PROXY_HOST })
  const client = cluster.client()
  t.teardown(() => client.close())
  const entry = await nodeEntry(client, 'S')
  const addressOf = (name: string) => entry.transports.find((transport) => transport.name === name)?.address ?? ''
  const portOf = (address: string) => Number(new URL((JSON.parse(address) as { url: string }).url).port)
  const proxy = await HamperedProxy.before(t, portOf(addressOf('tcp')))
  await HamperedProxy.before(t, portOf(addressOf('rpc')))
  const register = (tcp = addressOf('tcp')) =>
    registerNode(client, {
      ...entry,
      node: 'P',
      transports: [{ name: 'tcp', address: tcp }, ...others.map((name) => ({ name, address: addressOf(name) }))],
    })
  const producer = await cluster.app('P', { producerPath: cluster.directory('p') })
  await producer.ask('write', 'x', SIZE, 1)
  const consumer = await cluster.consumer(options)
  return { cluster, proxy, register, consumer }
}

/** Over which transports a process has fetched, and from which byte on. */
function started(consumer: TestProcess): [string, boolean][] {
  return consumer
    .notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started')
    .map(({ transport, start }) => [transport, start > 0])
}

const whole = { size: SIZE, sha256: digestOf(SIZE, 1) }

test('a transfer that stands still from the beginning is tried over another transport', async (t) => {
  const { proxy, register, consumer } = await site(t, ['rpc'])
  await register()
  proxy.hampering = { stopAfter: 0 }
  t.strictSame(await consumer.ask('read', 'x'), whole)
  t.strictSame(started(consumer), [
    ['tcp', false],
    ['rpc', false],
  ])
  const [, second] = consumer.notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started')
  t.match(second?.reason, /; not tcp: it stood still for 1000 ms/, 'it says why')
})

test('one that stands still midway goes on over another transport where it stopped', async (t) => {
  const { proxy, register, consumer } = await site(t, ['rpc'])
  await register()
  proxy.hampering = { stopAfter: 2 ** 20 }
  t.strictSame(await consumer.ask('read', 'x'), whole)
  t.strictSame(started(consumer), [
    ['tcp', false],
    ['rpc', true],
  ])
})

test('one that may stand still for longer than patience lasts leaves time for another transport', async (t) => {
  const options = { ownerTimeout: 8_000, progressTimeout: 60_000 }
  const { cluster, proxy, register, consumer } = await site(t, ['rpc'], options)
  await register()
  for (const stopAfter of [0, 2 ** 20]) {
    proxy.hampering = { stopAfter }
    t.strictSame(await consumer.ask('read', 'x'), whole, `after ${stopAfter} bytes`)
    t.strictSame(started(consumer).slice(-2), [
      ['tcp', false],
      ['rpc', stopAfter > 0],
    ])
    rmSync(cluster.path('b', 'x'))
  }
})

test('one that brings a byte now and then is one that stands still', async (t) => {
  const { proxy, register, consumer } = await site(t, ['rpc'])
  await register()
  proxy.hampering = { dripAfter: 2 ** 20 }
  t.strictSame(await consumer.ask('read', 'x'), whole)
  t.strictSame(started(consumer), [
    ['tcp', false],
    ['rpc', true],
  ])
  const [retry] = consumer.notes<Diagnostics['dyad.transfer.retry']>('dyad.transfer.retry')
  t.match(retry?.error.message, /it sent \d+\.\d bytes a second for \d{4} ms; DYAD_LEAST_RATE is 1024/)
})

test('a closed port gives way to another transport at once', async (t) => {
  const { register, consumer } = await site(t, ['rpc'], { ownerTimeout: 60_000, progressTimeout: 60_000 })
  await register(JSON.stringify({ v: 1, url: `tcp://127.0.0.1:${await freePort()}` }))
  t.strictSame(await consumer.ask('read', 'x'), whole)
  t.strictSame(started(consumer), [
    ['tcp', false],
    ['rpc', false],
  ])
  t.strictSame(consumer.notes('dyad.transfer.retry'), [])
})

test('where every way fails the error names the owner and the rate', async (t) => {
  const { cluster, proxy, register, consumer } = await site(t, [], {
    ownerTimeout: 3_000,
    progressTimeout: 1_000,
    leastRate: 100_000,
  })
  await register()
  proxy.hampering = { dripAfter: 2_000 }
  await t.rejects(consumer.ask('read', 'x'), {
    code: 'ERR_DYAD_OWNER_UNREACHABLE',
    node: 'P',
    message: /no progress for 3000 ms, .*it sent \d+\.\d bytes a second.*DYAD_LEAST_RATE/,
  })
  t.strictSame(cluster.files('b'), [])
})

test('with a least rate of 0 every byte is progress', async (t) => {
  // A busy machine may hold a byte up for a while.
  const options = { ownerTimeout: 1_500, progressTimeout: 1_500, leastRate: 0 }
  const { proxy, register, consumer } = await site(t, ['rpc'], options)
  await register()
  proxy.hampering = { dripAfter: 2 ** 20 }
  const reading = consumer.ask('read', 'x')
  // Some three times the patience.
  await proxy.dripped(450)
  proxy.hampering = 'free'
  t.strictSame(await reading, whole)
  t.strictSame(started(consumer), [['tcp', false]])
})
