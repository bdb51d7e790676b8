import { watch } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

/** Longer than any test: what ends has not waited for the store. */
const LONG = 600_000
/** More than travels in a record. */
const SIZE = 200_000

/**
 * Node A with its service, a store of its own process, and a session of each side that has spoken
 * with it.
 */
async function site(t: Parameters<typeof Cluster.prepare>[0], options: { serveCopies?: boolean } = {}) {
  const cluster = await Cluster.prepare(t, { kvsTimeout: LONG, ownerTimeout: LONG, ...options })
  const store = await cluster.node('K', { broker: true, directories: [] })
  await cluster.createNamespace()
  await cluster.node('A')
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
  await producer.ask('write', 'there', SIZE, 1)
  await producer.ask('write', 'old', SIZE, 1)
  await consumer.ask('consume', 'old')
  return { cluster, store, producer, consumer }
}

/** Resolves when the process has taken what was asked of it before. */
const begun = (app: TestProcess) => app.ask('ready')

/** Resolves when a file of that name is put in its place, from when on it is being published. */
function placed(cluster: Cluster, name: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(cluster.path('a'), (_, changed) => {
      if (changed !== name) return
      watcher.close()
      resolve()
    })
  })
}

test('while the store is frozen, an abort ends at once whatever waits for it', async (t) => {
  const { cluster, store, producer, consumer } = await site(t)
  store.freeze()
  const waits: Record<string, [TestProcess, ...unknown[]]> = {
    produce: [producer, 'there'],
    remove: [producer, 'there'],
    lookup: [consumer, 'there'],
    consume: [consumer, 'there'],
    read: [consumer, 'there'],
    openFile: [consumer, 'there'],
    list: [consumer, '**'],
    watch: [consumer, '**', 100],
    prefetch: [consumer, ['there']],
  }
  for (const [name, [app, ...args]] of Object.entries(waits)) {
    const waiting = app.ask(name, ...args, { abort: name })
    waiting.catch(() => {})
    await begun(app)
    await app.ask('abort', name)
    await t.rejects(waiting, name === 'read' ? { name: 'AbortError' } : { message: `aborted ${name}` }, name)
  }
  for (const destroys of [false, true]) {
    const name = destroys ? 'destroyed' : 'new'
    const isPlaced = placed(cluster, name)
    const writing = producer.ask('write', name, SIZE, 1, { abort: name, destroys })
    writing.catch(() => {})
    await isPlaced
    await producer.ask('abort', name)
    // Node's pipeline takes a stream that is destroyed without an error, once all is written, for
    // one that has finished.
    if (destroys) t.equal(await writing, undefined, 'nothing is said to be published')
    else await t.rejects(writing, { name: 'AbortError' }, name)
  }
  await Promise.all([producer.ask('close'), consumer.ask('close')])
  t.same(cluster.files('a'), ['destroyed', 'new', 'old', 'there'], 'whole files, and nothing else')
  t.same(cluster.files('b'), ['old'])
  store.resume()
  const later = await cluster.producer()
  await later.ask('write', 'new', SIZE, 2)
  const reader = await cluster.consumer()
  t.same(await reader.ask('read', 'new'), { size: SIZE, sha256: digestOf(SIZE, 2) }, 'publishing anew is all it takes')
})

test('what is published in the background is waited for as long as the store may take, and then told of', async (t) => {
  const { cluster, store } = await site(t)
  const app = await cluster.producer({ asyncPublish: true, kvsTimeout: 1_000 })
  store.freeze()
  await app.ask('write', 'late', SIZE, 1)
  await t.rejects(app.ask('close'), { code: 'ERR_DYAD_KVS_UNREACHABLE', path: 'late' })
  t.same(cluster.files('a'), ['late', 'old', 'there'])
})
