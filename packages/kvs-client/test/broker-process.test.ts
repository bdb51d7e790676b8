import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { DyadError, isDyadError } from '@dyad-ts/core'
import { connect, type Link } from '@dyad-ts/wire'
import { test } from 'tap'
import { endOf } from '../../../test/harness/child.js'
import { postRequest } from '../src/broker/compact-frames.js'
import type { CompactRequest } from '../src/broker/messages.js'
import { brokerKvs, startBroker } from '../src/index.js'
import { BrokerProcess, forkProcess, temporaryDirectory } from './broker-process.js'
import { hostileRequests } from './hostile-frames.js'

const bytes = (text: string) => Buffer.from(text)

test('1,000 waits go on over kill -9 of the broker', async (t) => {
  await using data = await temporaryDirectory()
  await using broker = await BrokerProcess.start({ data: data.path })
  await using waiter = brokerKvs({ url: broker.url })
  await using writer = brokerKvs({ url: broker.url })
  await writer.createNamespace('ns')
  const { signal } = new AbortController()
  const waiting = Array.from({ length: 1_000 }, (_, i) => waiter.namespace('ns').waitFor(`key/${i}`, { signal }))
  t.equal((await waiter.stats()).waiters, 1_000)
  await broker.kill()
  await broker.start()
  await Promise.all(waiting.map((_, i) => writer.namespace('ns').put(`key/${i}`, bytes(`${i}`))))
  const entries = await Promise.all(waiting)
  t.ok(entries.every(({ value }, i) => Buffer.from(value).toString() === `${i}`))
  t.equal((await waiter.stats()).waiters, 0)
})

test('what put returned for is there after kill -9', async (t) => {
  await using data = await temporaryDirectory()
  await using broker = await BrokerProcess.start({ data: data.path })
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  const returned = new Map<string, number>()
  const stop = new AbortController()
  const enough = new Promise<void>((resolve) => {
    for (let i = 0; i < 2_000; i++) {
      const key = `key/${i}`
      ns.put(key, bytes(key), { signal: stop.signal }).then(
        ({ revision }) => {
          returned.set(key, revision)
          if (returned.size === 500) resolve()
        },
        () => {},
      )
    }
  })
  await enough
  const before = new Map(returned)
  await broker.kill()
  stop.abort()
  await broker.start()
  for (const [key, revision] of before) t.equal((await ns.get(key))?.revision, revision)
})

test('garbage, half and oversized frames close their link and no other', async (t) => {
  await using broker = await startBroker()
  await using client = brokerKvs({ url: broker.url() })
  await client.createNamespace('ns')
  const frames: unknown[] = [
    Buffer.from('garbage'),
    Buffer.alloc(0),
    Buffer.from([0x81, 0xa2]),
    Buffer.alloc(3 * 1024 * 1024),
    { op: 'nothing' },
    { op: 'more', id: -1 },
    { op: 'list', id: 1, space: 'ns', prefix: 1, after: 0, epoch: '' },
    // The link refuses the longest frame before its layout is read.
    ...Object.values(hostileRequests()),
    { op: 'register', id: 1, key: 'x', value: bytes('x'), ttl: 0, instance: 'i', since: 0, epoch: '', takeover: false },
    { op: 'hello', version: 99 },
    ['get', 1],
    null,
  ]
  for (const frame of frames) {
    const { promise, closed } = closing()
    const link: Link = await connect(broker.url(), { maxFrameBytes: 1024 }, () => ({ message: () => {}, closed }))
    void link.send(frame)
    t.ok(await promise, 'closed with a reason')
    await client.namespace('ns').put('key', bytes('x'))
  }
  const raw = connectSocket(broker.port, '127.0.0.1')
  raw.on('error', () => {})
  raw.write('\x16\x03\x01 nothing that anybody speaks\r\n\r\n')
  raw.resume()
  await once(raw, 'close')
  t.equal((await client.stats()).links, 1)
})

test('a link that breaks in mid-wait leaves no waiter', async (t) => {
  await using broker = await startBroker()
  await using client = brokerKvs({ url: broker.url() })
  await client.createNamespace('ns')
  const { promise, closed } = closing()
  const link = await connect(broker.url(), { maxFrameBytes: 1024 }, () => ({ message: () => {}, closed }))
  const wait: CompactRequest = { op: 'wait', id: 1, space: 'ns', key: 'x' }
  postRequest(wait, (frame, length) => link.post(frame, length))
  await link.send({ op: 'watch', id: 2, space: 'ns', prefix: '', after: 0, epoch: '' })
  await link.send('a string is no request')
  await promise
  const { waiters, watches, links } = await client.stats()
  t.same({ waiters, watches, links }, { waiters: 0, watches: 0, links: 1 })
})

test('no token or a wrong one is refused, at once and also to those that wait', async (t) => {
  await using broker = await startBroker({ token: 'right' })
  for (const token of [undefined, 'wrong']) {
    await using client = brokerKvs({ url: broker.url(), token })
    await t.rejects(client.listNamespaces(), { code: 'ERR_DYAD_DENIED' })
    await t.rejects(client.namespace('ns').waitFor('key'), { code: 'ERR_DYAD_DENIED' })
    await t.rejects(client.namespace('ns').watch('').next(), { code: 'ERR_DYAD_DENIED' })
  }
  await using client = brokerKvs({ url: broker.url(), token: 'right' })
  t.same(await client.listNamespaces(), [])
  await t.rejects(startBroker({ host: '0.0.0.0' }), { code: 'ERR_DYAD_BIND' })
})

test('a wrong address is an error for everything, naming the address', async (t) => {
  const broker = await startBroker()
  const url = broker.url()
  await broker.close()
  await using client = brokerKvs({ url, connectTimeout: 200 })
  const work = [client.listNamespaces(), client.namespace('ns').waitFor('key'), client.namespace('ns').watch('').next()]
  for (const result of await Promise.allSettled(work)) {
    t.equal(result.status, 'rejected')
    const error: unknown = result.status === 'rejected' ? result.reason : undefined
    t.ok(isDyadError(error, 'ERR_DYAD_KVS_UNREACHABLE'))
    t.match(error instanceof DyadError ? error.detail : '', url)
  }
})

test('calls give up on a broker that is gone; waits do not', async (t) => {
  await using data = await temporaryDirectory()
  await using broker = await BrokerProcess.start({ data: data.path })
  await using client = brokerKvs({ url: broker.url, callTimeout: 3_000 })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  const waiting = ns.waitFor('key')
  await client.listNamespaces()
  await broker.kill()
  await t.rejects(ns.get('key'), { code: 'ERR_DYAD_KVS_UNREACHABLE' })
  await t.rejects(ns.list('').next(), { code: 'ERR_DYAD_KVS_UNREACHABLE' })
  await broker.start()
  await using writer = brokerKvs({ url: broker.url })
  await writer.namespace('ns').put('key', bytes('x'))
  t.equal((await waiting).key, 'key')
})

test('an idle client lets its process end, one that waits does not', async (t) => {
  await using broker = await startBroker()
  await using client = brokerKvs({ url: broker.url() })
  await client.createNamespace('ns')
  const idle = forkProcess('idle.mjs', [broker.url(), 'idle'])
  t.equal(await endOf(idle), 0)
  const waiter = forkProcess('idle.mjs', [broker.url(), 'wait'])
  await once(waiter, 'disconnect')
  await client.namespace('ns').put('key', bytes('x'))
  t.equal(await endOf(waiter), 7)
})

function closing(): { promise: Promise<Error | undefined>; closed: (reason: Error | undefined) => void } {
  let closed: (reason: Error | undefined) => void = () => {}
  const promise = new Promise<Error | undefined>((resolve) => {
    closed = resolve
  })
  return { promise, closed }
}
