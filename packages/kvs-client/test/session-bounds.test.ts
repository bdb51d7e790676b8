import { test } from 'tap'
import { DirtyRoom, ListFeed, WatchFeed } from '../src/broker/feed.js'
import { MAX_LEASES, MAX_SESSION_LEASES, sendRequest, toReply } from '../src/broker/frames.js'
import { Leases } from '../src/broker/leases.js'
import type { Reply, Request } from '../src/broker/messages.js'
import { ReadLeases } from '../src/broker/read-leases.js'
import { ScanTurns } from '../src/broker/scan-turns.js'
import { Session } from '../src/broker/session.js'
import { Store } from '../src/broker/store.js'
import { MemoryRecordStore } from '../src/records/memory-records.js'

const MIB = 1024 * 1024

/** A broker without sockets, and sessions of it. */
class Scene {
  readonly store = new Store(new MemoryRecordStore())
  readonly leases = new Leases(this.store)
  readonly scans = new ScanTurns()

  static async make(): Promise<Scene> {
    const scene = new Scene()
    await scene.store.create('ns', 'nonce')
    return scene
  }

  session(): Peer {
    return new Peer(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leases.close()
    await this.store.close()
  }
}

/** A session without a link. */
class Peer {
  readonly replies: Reply[] = []
  readonly #session: Session

  constructor({ store, leases, scans }: Scene) {
    const stats = () => ({ ...store.counts(), links: 1, leases: leases.size })
    this.#session = new Session(
      { store, leases, scans, stats },
      {
        unsentBytes: 0,
        post: (bytes, length) => this.replies.push(toReply(Buffer.from(bytes.subarray(0, length)))),
        drained: () => Promise.resolve(),
      },
    )
  }

  ask(request: Request): void {
    sendRequest(request, (bytes, length) => this.#session.message(Buffer.from(bytes.subarray(0, length))))
  }

  count(what: string): number {
    return this.replies.filter((reply) => reply.op === what || (reply.op === 'error' && reply.code === what)).length
  }

  close(): void {
    this.#session.closed()
  }
}

const watch = (id: number): Request => ({ op: 'watch', id, space: 'ns', prefix: '', after: 0, epoch: '' })
const wait = (id: number, key: string): Request => ({ op: 'wait', id, space: 'ns', key })

test('watches are bounded, and each that ends makes room for one', async (t) => {
  await using scene = await Scene.make()
  const peer = scene.session()
  for (let id = 0; id < 1_030; id++) peer.ask(watch(id))
  t.equal(peer.count('ERR_DYAD_BUSY'), 6)
  t.equal(scene.store.counts().watches, 1_024, 'none of those that were refused is left')
  for (let id = 0; id < 3; id++) peer.ask({ op: 'cancel', id })
  for (let id = 2_000; id < 2_004; id++) peer.ask(watch(id))
  t.equal(peer.count('ERR_DYAD_BUSY'), 7)
  t.equal(scene.store.counts().watches, 1_024)
  const other = scene.session()
  other.ask(watch(1))
  t.equal(other.count('ERR_DYAD_BUSY'), 0, 'another session has its own')
  peer.close()
  other.close()
  t.equal(scene.store.counts().watches, 0)
})

test('waits are bounded in number and in bytes, and each that ends makes room', async (t) => {
  await using scene = await Scene.make()
  const many = scene.session()
  for (let id = 0; id < 131_075; id++) many.ask(wait(id, 'key'))
  t.equal(many.count('ERR_DYAD_BUSY'), 3)
  t.equal(scene.store.counts().waiters, 131_072)
  many.ask({ op: 'cancel', id: 7 })
  many.ask(wait(200_000, 'key'))
  many.ask(wait(200_001, 'key'))
  t.equal(many.count('ERR_DYAD_BUSY'), 4)
  many.close()
  t.equal(scene.store.counts().waiters, 0)
  const long = scene.session()
  const key = (id: number) => `${id}/`.padEnd(3_900, 'x')
  for (let id = 0; id < 9_000; id++) long.ask(wait(id, key(id)))
  const most = Math.floor((64 * MIB) / (2 * 3_900))
  t.equal(scene.store.counts().waiters, most)
  t.equal(long.count('ERR_DYAD_BUSY'), 9_000 - most)
  for (let id = 0; id < 5; id++) long.ask({ op: 'cancel', id })
  for (let id = 10_000; id < 10_006; id++) long.ask(wait(id, key(id)))
  t.equal(long.count('ERR_DYAD_BUSY'), 9_000 - most + 1)
  long.close()
})

test('what a session writes while nobody may see it yet is bounded in number and in bytes', async (t) => {
  await using scene = await Scene.make()
  const holder = scene.session()
  const put = (id: number, value: Buffer): Request => ({ op: 'put', id, space: 'ns', key: 'key', value })
  holder.ask(put(1, Buffer.from('v')))
  // While the lease is not returned, every put stays under way.
  const lease = (id: number): Request => ({ op: 'lease', id, space: 'ns', key: 'key' })
  holder.ask(lease(2))
  const large = scene.session()
  const value = Buffer.alloc(MIB)
  for (let id = 0; id < 70; id++) large.ask(put(id, value))
  t.equal(large.count('ERR_DYAD_BUSY'), 6)
  t.equal(large.count('stored'), 0)
  holder.ask({ op: 'cancel', id: 2 })
  t.equal(large.count('stored'), 64)
  large.ask(put(100, value))
  t.equal(large.count('stored'), 65, 'what is stored makes room')
  holder.ask(lease(3))
  const small = scene.session()
  const nothing = Buffer.alloc(0)
  for (let id = 0; id < 131_075; id++) small.ask(put(id, nothing))
  t.equal(small.count('ERR_DYAD_BUSY'), 3)
  for (const op of ['create', 'remove'] as const) {
    small.ask({ op, id: 200_000, name: 'other', nonce: 'nonce' } as Request)
  }
  small.ask({ op: 'delete', id: 200_001, space: 'ns', key: 'key' })
  t.equal(small.count('ERR_DYAD_BUSY'), 6, 'of whatever kind')
  holder.ask({ op: 'cancel', id: 3 })
  t.equal(small.count('stored'), 131_072)
  for (const peer of [holder, large, small]) peer.close()
})

test('a session gets a bounded number of leases from the broker, and answers without one beyond it', async (t) => {
  await using scene = await Scene.make()
  const peer = scene.session()
  peer.ask({ op: 'put', id: 0, space: 'ns', key: 'key', value: Buffer.from('v') })
  const lease = (id: number): Request => ({ op: 'lease', id, space: 'ns', key: 'key' })
  for (let id = 1; id <= MAX_SESSION_LEASES + 2; id++) peer.ask(lease(id))
  t.equal(peer.count('leased'), MAX_SESSION_LEASES)
  t.equal(peer.count('entry'), 2)
  peer.ask({ op: 'cancel', id: 5 })
  for (let id = 100_000; id < 100_002; id++) peer.ask(lease(id))
  t.equal(peer.count('leased'), MAX_SESSION_LEASES + 1, 'one given back makes room for one')
  const other = scene.session()
  other.ask(lease(1))
  t.equal(other.count('leased'), 1, 'another session has its own')
  peer.close()
  other.close()
})

test('all sessions together hold a bounded number of leases', async (t) => {
  await using scene = await Scene.make()
  const keyspace = scene.store.keyspace('ns')
  const leases = new ReadLeases()
  const holder = { revoke: () => {}, ended: () => {} }
  const first = leases.grant(holder, 0, keyspace, 'key')
  let granted = 1
  for (let id = 1; id < MAX_LEASES + 2; id++) if (leases.grant(holder, id, keyspace, `${id % 1_024}`)) granted++
  t.equal(granted, MAX_LEASES)
  if (first !== undefined) leases.end(first)
  t.ok(leases.grant(holder, -1, keyspace, 'key'), 'the end of one makes room')
  t.notOk(leases.grant(holder, -2, keyspace, 'key'))
  leases.close()
})

test('a list and a watch look at a slice of the records in one turn', async (t) => {
  await using scene = await Scene.make()
  const { store } = scene
  const put = (key: string) => store.put('ns', key, Buffer.from('v'), () => {})
  for (let i = 0; i < 20_000; i++) put(`key/${i}`)
  const keyspace = store.keyspace('ns')
  const owner = { ready: () => {}, failed: () => {} }
  const watchOf = (prefix: string, after: number) =>
    new WatchFeed(store.timeline('ns'), keyspace, { prefix, after, epoch: store.epoch }, owner, new DirtyRoom())
  const known = watchOf('', store.timeline('ns').latest)
  const feeds = { 'a list of none': new ListFeed(keyspace.scan('none')), 'a watch that knows all': known }
  for (const [name, feed] of Object.entries(feeds)) {
    let all = 0
    for (;;) {
      const { looks, state, entries } = feed.next()
      t.ok(looks <= 4_096 + 256, `${name}: ${looks} in one step`)
      t.equal(entries.length, 0)
      all += looks
      if (state !== 'more') break
    }
    t.ok(all >= 1, `${name}: ${all} in all`)
  }
  // A key that changed and is gone again costs a look, too.
  for (let i = 0; i < 20_000; i++) known.changed(`gone/${i}`)
  const { looks, state } = known.next()
  t.ok(looks <= 4_096 + 256, `changes: ${looks} in one step`)
  t.equal(state, 'more')
  while (known.next().state === 'more');
  known.close()
})
