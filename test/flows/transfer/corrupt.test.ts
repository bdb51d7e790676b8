import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import type { ConfigOptions, Diagnostics, FileRecord } from '@dyad-ts/dyad'
import { type Test, test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { contents, digestOf } from '../../harness/contents.js'
import { flipBit, flippingProxy } from '../../harness/flip.js'
import type { TestProcess } from '../../harness/process.js'
import { PROXY_HOST } from '../../harness/proxy.js'
import { nodeEntry, putRecord, registerNode, storedKey } from '../../harness/stored.js'

const MiB = 2 ** 20
const SIZE = 4 * MiB
const whole = (size: number, seed: number) => ({ size, sha256: digestOf(size, seed) })

/** From whom and over which transports a process has fetched, in order. */
const ways = (consumer: TestProcess) =>
  consumer
    .notes<Diagnostics['dyad.transfer.started']>('dyad.transfer.started')
    .map(({ node, transport }) => `${node} ${transport}`)

test('40 of 40 bits that flip on the disk of the owner are noticed, over every transport', async (t) => {
  // Ahead of the reader the file would be here before its bit flips.
  const { cluster } = await Cluster.start(t, { inlineLimit: 0, readAhead: 0 })
  const producer = await cluster.producer()
  const modes = ['local', 'tcp', 'rpc'] as const
  const consumers = await Promise.all(
    modes.map((dtlMode) => cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })),
  )
  const sizes = [1, 40, 70_000, MiB, 3 * MiB + 1]
  let refused = 0
  for (let i = 0; i < 40; i++) {
    const path = `file-${i}`
    const size = sizes[i % sizes.length] ?? 1
    await producer.ask('write', path, size, i)
    flipBit(cluster.path('a', path), (i * 7_919) % size, i % 8)
    const consumer = consumers[i % modes.length] as TestProcess
    const how = i % 2 === 0 ? 'read' : 'consume'
    await t.rejects(consumer.ask(how, path), { code: 'ERR_DYAD_CORRUPT', path, node: 'A', rc: -2004 }, `${how} ${size}`)
    refused++
  }
  t.equal(refused, 40)
  await Promise.all(consumers.map((consumer) => consumer.ask('close')))
  for (const mode of modes) t.strictSame(cluster.files(mode), [], `${mode}: no file, whole or temporary`)
})

test('files that other programs wrote have a digest where they are small, or where it is asked for', async (t) => {
  const { cluster } = await Cluster.start(t, { inlineLimit: 0 })
  const [plain, thorough] = [await cluster.producer(), await cluster.producer({ digestAll: true })]
  const consumer = await cluster.consumer()
  await plain.ask('produceByHand', 'small', 60_000, 1)
  await thorough.ask('produceByHand', 'large', SIZE, 2)
  await plain.ask('produceByHand', 'unknown', SIZE, 3)
  for (const path of ['small', 'large', 'unknown']) flipBit(cluster.path('a', path), 12_345, 3)
  await t.rejects(consumer.ask('read', 'small'), { code: 'ERR_DYAD_CORRUPT', path: 'small', node: 'A' })
  await t.rejects(consumer.ask('read', 'large'), { code: 'ERR_DYAD_CORRUPT', path: 'large', node: 'A' })
  t.equal((await consumer.ask<FileRecord>('lookup', 'unknown')).digest, undefined)
  t.match(await consumer.ask('read', 'unknown'), { size: SIZE }, 'of what nobody knows nobody can tell')
})

/** How many bits a way flips, at most. */
const FLIPS = { flipping: Number.POSITIVE_INFINITY, 'flipping once': 1, plain: 0 }

/** A producer whose node offers these transports, each through a proxy that flips bits or none. */
async function site(t: Test, offered: Readonly<Record<string, keyof typeof FLIPS>>) {
  const { cluster } = await Cluster.start(t, { inlineLimit: 0 })
  await cluster.node('S', { directories: [cluster.directory('p')], advertise: PROXY_HOST })
  const client = cluster.client()
  t.teardown(() => client.close())
  const entry = await nodeEntry(client, 'S')
  const transports = await Promise.all(
    Object.entries(offered).map(async ([name, how]) => {
      const address = entry.transports.find((transport) => transport.name === name)?.address ?? ''
      const { port } = new URL((JSON.parse(address) as { url: string }).url)
      await flippingProxy(t, Number(port), 3_000_000, FLIPS[how])
      return { name, address }
    }),
  )
  await registerNode(client, { ...entry, node: 'P', transports })
  const producer = await cluster.app('P', { producerPath: cluster.directory('p') })
  const consumer = await cluster.consumer()
  return { cluster, producer, consumer }
}

for (const transport of ['tcp', 'rpc']) {
  test(`a bit that flips on the way is refused: ${transport}`, async (t) => {
    const { cluster, producer, consumer } = await site(t, { [transport]: 'flipping' })
    await producer.ask('write', 'x', SIZE, 1)
    await producer.ask('write', 'y', SIZE, 2)
    await t.rejects(consumer.ask('consume', 'x'), { code: 'ERR_DYAD_CORRUPT', path: 'x', node: 'P' })
    await t.rejects(consumer.ask('read', 'y'), { code: 'ERR_DYAD_CORRUPT', path: 'y', node: 'P' })
    t.strictSame(ways(consumer).slice(0, 2), [`P ${transport}`, `P ${transport}`], 'it was asked for twice')
    await consumer.ask('close')
    t.strictSame(cluster.files('b'), [], 'nothing is left')
  })

  test(`a bit that flips once on the way is fetched anew: ${transport}`, async (t) => {
    const { producer, consumer } = await site(t, { [transport]: 'flipping once' })
    await producer.ask('write', 'x', SIZE, 3)
    await consumer.ask('consume', 'x')
    t.strictSame(await consumer.ask('read', 'x'), whole(SIZE, 3))
    t.strictSame(ways(consumer), [`P ${transport}`, `P ${transport}`])
  })
}

test('where one way flips bits, another is taken', async (t) => {
  const { producer, consumer } = await site(t, { tcp: 'flipping', rpc: 'plain' })
  await producer.ask('write', 'x', SIZE, 4)
  await consumer.ask('consume', 'x')
  t.strictSame(ways(consumer), ['P tcp', 'P rpc'])
  t.strictSame(await consumer.ask('read', 'x'), whole(SIZE, 4))
})

test('a reader that has wrong bytes already fails, and the next one has the file', async (t) => {
  const { cluster, producer, consumer } = await site(t, { tcp: 'flipping', rpc: 'plain' })
  await producer.ask('write', 'x', SIZE, 5)
  await t.rejects(consumer.ask('read', 'x'), { code: 'ERR_DYAD_CORRUPT', path: 'x', node: 'P' })
  t.strictSame(await consumer.ask('read', 'x'), whole(SIZE, 5))
  t.strictSame(ways(consumer), ['P tcp', 'P rpc'], 'that was under way by then, or there')
  t.strictSame(cluster.files('b'), ['x'])
})

test('a copy with other bytes is left for the owner, and is not asked again', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc', serveCopies: true })
  const producer = await cluster.producer()
  await producer.ask('write', 'big', SIZE, 6)
  await cluster.node('B')
  const first = await cluster.consumer()
  await first.ask('read', 'big')
  await first.ask('lookup', 'big')
  flipBit(cluster.path('b', 'big'), SIZE - 5, 1)
  const second = await cluster.app('C', { consumerPath: cluster.directory('c') })
  await second.ask('consume', 'big')
  t.strictSame(ways(second), ['B rpc', 'A rpc'])
  t.strictSame(await second.ask('read', 'big'), whole(SIZE, 6))
  t.match(second.notes<Diagnostics['dyad.transfer.retry']>('dyad.transfer.retry'), [
    { error: { message: /differ from the published ones: 'big' on node 'B'/ } },
  ])
})

/** A producer, a consumer, and a way to change what the store has under a path. */
async function store(t: Test, options: ConfigOptions = {}) {
  const { cluster } = await Cluster.start(t, options)
  const client = cluster.client()
  t.teardown(() => client.close())
  const namespace = client.namespace('flow')
  const rewrite = async (path: string, change: (value: Buffer) => Uint8Array) => {
    const entry = await namespace.get(storedKey(path))
    await namespace.put(storedKey(path), change(Buffer.from(entry?.value ?? [])))
  }
  return { cluster, namespace, rewrite, producer: await cluster.producer(), consumer: await cluster.consumer() }
}

function flipWithin(value: Buffer, text: string): Buffer {
  const at = value.indexOf(text)
  value.writeUInt8(value.readUInt8(at) ^ 1, at)
  return value
}

test('bytes that changed in the store are not believed: the owner is asked for them', async (t) => {
  const { cluster, rewrite, producer, consumer } = await store(t, { ownerTimeout: 1_000 })
  const text = Buffer.concat([...contents(100, 7)]).toString()
  for (const path of ['x', 'y']) {
    await producer.ask('write', path, 100, 7)
    await rewrite(path, (value) => flipWithin(value, text.slice(10, 30)))
  }
  t.strictSame(await consumer.ask('read', 'x'), whole(100, 7))
  t.equal(readFileSync(await consumer.ask<string>('consume', 'x'), 'utf8'), text)
  t.equal(ways(consumer).length, 1, 'it came from the owner, once')

  const other = await cluster.app('C', { consumerPath: cluster.directory('c') })
  t.strictSame(await other.ask('read', 'y'), whole(100, 7))
  flipBit(cluster.path('a', 'y'), 3, 3)
  const third = await cluster.app('D', { consumerPath: cluster.directory('d') })
  await t.rejects(third.ask('read', 'y'), { code: 'ERR_DYAD_CORRUPT', path: 'y', node: 'A' })
  t.notOk(existsSync(cluster.path('d', 'y')))
  mkdirSync(cluster.path('d', 'x'))
  await t.rejects(third.ask('consume', 'x'), { code: 'ERR_DYAD_STORE' }, 'a failure here is no fault of the bytes')
})

test('records without a digest, or with one that is not known here, are consumed as before', async (t) => {
  const { cluster, namespace, producer, consumer } = await store(t, { inlineLimit: 0 })
  await producer.ask('write', 'x', SIZE, 8)
  await producer.ask('write', 'y', SIZE, 9)
  const [x, y] = await Promise.all([consumer.ask<FileRecord>('lookup', 'x'), consumer.ask<FileRecord>('lookup', 'y')])
  await putRecord(namespace, { ...x, digest: undefined })
  await putRecord(namespace, { ...y, digest: { algorithm: 'xxh3', value: '0123456789abcdef' } })
  t.strictSame(await consumer.ask('read', 'x'), whole(SIZE, 8))
  t.strictSame(await consumer.ask('read', 'y'), whole(SIZE, 9))
  t.strictSame(cluster.files('b'), ['x', 'y'])
})
