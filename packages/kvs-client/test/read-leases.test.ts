import { connect } from '@dyad-ts/wire'
import { test } from 'tap'
import { postRequest } from '../src/broker/compact-frames.js'
import { MAX_SESSION_LEASES, toReply } from '../src/broker/frames.js'
import { Grace } from '../src/broker/grace.js'
import { Keyspace } from '../src/broker/keyspace.js'
import { Leases } from '../src/broker/leases.js'
import type { CompactRequest } from '../src/broker/messages.js'
import { type LeaseHolder, ReadLeases } from '../src/broker/read-leases.js'
import { ScanTurns } from '../src/broker/scan-turns.js'
import { Session } from '../src/broker/session.js'
import { Store } from '../src/broker/store.js'
import { brokerKvs, MemoryStore, memoryKvs, startBroker } from '../src/index.js'
import { MemoryRecordStore, MemoryRecords } from '../src/records/memory-records.js'
import { bytesOf, pack } from '../src/records/packed.js'

const bytes = (text: string) => Buffer.from(text)
const text = (packed: ReturnType<typeof pack> | undefined) => packed && bytesOf(packed).toString()

/** A keyspace with one record, and its notifications. */
function world(grace?: Grace) {
  const keyspace = new Keyspace(new MemoryRecords(), grace)
  const leases = new ReadLeases()
  const told: string[] = []
  const revoked: number[] = []
  const holder: LeaseHolder = { revoke: (id) => revoked.push(id), ended: () => {} }
  const put = (value: string, revision: number) =>
    keyspace.put('key', pack(bytes(value), revision), () => told.push(value))
  put('old', 1)
  return { keyspace, leases, told, revoked, put, grant: (id: number) => leases.grant(holder, id, keyspace, 'key') }
}

test('a put is held back until every lease is given back; others see what was before', async (t) => {
  const { keyspace, leases, told, revoked, put, grant } = world()
  const [one, two] = [grant(1), grant(2)]
  put('new', 2)
  put('newer', 3)
  t.same(revoked, [1, 2], 'asked once each')
  t.same(told, ['old'])
  t.equal(text(keyspace.get('key')), 'old')
  t.same(
    [...keyspace.scan('')].map((entry) => text(entry?.[1])),
    ['old'],
  )
  t.equal(grant(3), undefined, 'no lease on what is about to change')
  if (one) leases.end(one)
  t.same(told, ['old'])
  if (two) leases.end(two)
  t.same(told, ['old', 'new', 'newer'])
  t.equal(text(keyspace.get('key')), 'newer')
  if (two) leases.end(two)
  put('newest', 4)
  t.equal(told.at(-1), 'newest', 'nobody is left to wait for')
  leases.close()
})

test('a delete is held back too, and so is the end of a namespace', async (t) => {
  const { keyspace, leases, grant } = world()
  const lease = grant(1)
  let deleted = false
  keyspace.delete('key', () => {
    deleted = true
  })
  t.equal(text(keyspace.get('key')), 'old')
  let over = false
  keyspace.takeAllBack(() => {
    over = true
  })
  t.same([deleted, over], [false, false])
  if (lease) leases.end(lease)
  t.same([deleted, over], [true, true])
  t.equal(keyspace.get('key'), undefined)
  t.equal(grant(2), undefined, 'nor is one given of what is removed')
  leases.close()
})

test('leases that nobody gives back run out', async (t) => {
  const { leases, told, put, grant } = world()
  grant(1)
  const held = new Promise<void>((resolve) => {
    const lease = grant(2)
    lease?.awaiting.push(resolve)
  })
  put('new', 2)
  t.same(told, ['old'])
  // The timer of the leases holds no process; this one does.
  const alive = setInterval(() => {}, 60_000)
  await held
  clearInterval(alive)
  t.same(told, ['old', 'new'])
  leases.close()
})

test('what a broker found at its start is held back until leases of the one before have run out', async (t) => {
  const grace = new Grace(10)
  const { keyspace, leases, told, put } = world(grace)
  const over = new Promise<void>((resolve) => grace.await(resolve))
  put('new', 11)
  keyspace.put('another', pack(bytes('x'), 12), () => told.push('another'))
  t.same(told, ['old', 'another'], 'a key that was not there is free')
  keyspace.put('another', pack(bytes('x'), 13), () => told.push('again'))
  t.equal(told.at(-1), 'again', 'and so is what was put since')
  const alive = setInterval(() => {}, 60_000)
  await over
  clearInterval(alive)
  put('newer', 14)
  t.same(told.slice(3), ['new', 'newer'])
  leases.close()
})

test('a holder that does not answer is not waited for once its link is closed', async (t) => {
  await using broker = await startBroker()
  await using client = brokerKvs({ url: broker.url() })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  await ns.put('key', bytes('a'))
  const heard: string[] = []
  let revoked: () => void = () => {}
  const asked = new Promise<void>((resolve) => {
    revoked = resolve
  })
  const link = await connect(broker.url(), { maxFrameBytes: 1024 }, () => ({
    message(frame) {
      const { op } = toReply(frame)
      heard.push(op)
      if (op === 'revoke') revoked()
    },
    closed: () => {},
  }))
  const lease: CompactRequest = { op: 'lease', id: 1, space: 'ns', key: 'key' }
  postRequest(lease, (frame, length) => link.post(frame, length))
  await ns.get('key')
  const putting = ns.put('key', bytes('b'))
  await asked
  t.same(heard, ['hello', 'leased', 'revoke'])
  t.equal(Buffer.from((await ns.get('key'))?.value ?? []).toString(), 'a')
  link.terminate()
  await putting
  t.equal(Buffer.from((await ns.get('key'))?.value ?? []).toString(), 'b')
})

test('a session that is closed holds no lease any more', async (t) => {
  const store = new Store(new MemoryRecordStore())
  await store.create('ns', 'nonce')
  const scans = new ScanTurns()
  const shared = { store, scans, leases: new Leases(store), stats: () => ({ ...store.counts(), links: 1, leases: 0 }) }
  const session = new Session(shared, { unsentBytes: 0, post: () => {}, drained: () => Promise.resolve() })
  const told: number[] = []
  store.put('ns', 'key', bytes('a'), () => told.push(1))
  postRequest({ op: 'lease', id: 1, space: 'ns', key: 'key' }, (frame, length) => {
    session.message(Buffer.from(frame.subarray(0, length)))
  })
  store.put('ns', 'key', bytes('b'), () => told.push(2))
  const { visible } = store.timeline('ns')
  store.put('ns', 'other', bytes('c'), (_error, revision) => told.push(revision))
  t.equal(told.length, 2, 'a put of another key does not wait')
  t.equal(store.timeline('ns').latest, told[1])
  t.equal(store.timeline('ns').visible, visible, 'no watch may claim to have shown what is held back')
  session.closed()
  t.equal(told[2], 2)
  t.equal(store.timeline('ns').visible, store.timeline('ns').latest)
  await store.close()
})

test('a lease too many is an answer without one', async (t) => {
  const client = memoryKvs({ store: new MemoryStore() })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  await ns.put('key', bytes('a'))
  const leases = await Promise.all(Array.from({ length: MAX_SESSION_LEASES + 1 }, () => ns.lease?.('key')))
  t.ok(leases.every((lease) => lease?.entry?.key === 'key'))
  t.equal(leases.at(-1)?.valid, false)
  await client.close()
  t.ok(leases.every((lease) => lease?.valid === false))
})

test('the registry gives no leases', async (t) => {
  await using broker = await startBroker()
  const replies: string[] = []
  let closed: () => void = () => {}
  const link = await connect(broker.url(), { maxFrameBytes: 1024 }, () => ({
    message: (frame) => {
      replies.push(toReply(frame).op)
      if (replies.includes('error')) closed()
    },
    closed: () => {},
  }))
  const refused = new Promise<void>((resolve) => {
    closed = resolve
  })
  postRequest({ op: 'lease', id: 1, space: null, key: 'key' }, (frame, length) => link.post(frame, length))
  await refused
  t.ok(replies.includes('error'))
  link.close()
})
