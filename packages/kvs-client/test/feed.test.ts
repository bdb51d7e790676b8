import { test } from 'tap'
import { DirtyRoom, WatchFeed } from '../src/broker/feed.js'
import { Store } from '../src/broker/store.js'
import { MemoryRecordStore } from '../src/records/memory-records.js'

const CHANGES = 140_000

/** Returns the keys that a watch sends until it has nothing more. */
function drain(feed: WatchFeed): Set<string> {
  const keys = new Set<string>()
  for (;;) {
    const { entries, state } = feed.next()
    for (const [key] of entries) keys.add(key)
    if (state === 'idle') return keys
  }
}

test('watches of a session whose peer is slow remember a bounded number of keys, and miss none', async (t) => {
  const store = new Store(new MemoryRecordStore())
  await store.create('ns', 'nonce')
  const room = new DirtyRoom()
  const before = room.left
  const owner = { ready: () => {}, failed: () => {} }
  const watch = (prefix: string) =>
    new WatchFeed(store.timeline('ns'), store.keyspace('ns'), { prefix, after: 0, epoch: '' }, owner, room)
  const [all, some] = [watch(''), watch('some/')]
  for (const feed of [all, some]) t.equal(drain(feed).size, 0)
  const put = (key: string) => store.put('ns', key, Buffer.from('v'), () => {})
  for (let i = 0; i < CHANGES; i++) {
    put(`key/${i}`)
    if (i % 1_000 === 0) put(`some/${i}`)
  }
  t.ok(room.left >= 0 && room.left < before)
  t.equal(drain(some).size, 140)
  t.equal(drain(all).size, CHANGES + 140)
  t.equal(room.left, before, 'what was sent is not remembered')
  put('some/more')
  t.strictSame([...drain(all)], ['some/more'], 'after that each change is told')
  some.close()
  all.close()
  t.equal(room.left, before)
  await store.close()
})
