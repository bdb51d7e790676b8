import { cpSync, readdirSync, rmSync } from 'node:fs'
import { isDyadError, type KvsEntry } from '@dyad-ts/core'
import { test } from 'tap'
import { OTHER_VERSION, storeOfOtherVersion } from '../../../test/harness/other-version.js'
import { brokerKvs } from '../src/index.js'
import { Catalog } from '../src/records/catalog.js'
import { LogRecordStore } from '../src/records/log-records.js'
import { BrokerProcess, temporaryDirectory } from './broker-process.js'
import { create, put } from './log-store.js'

const bytes = (text: string) => Buffer.from(text)
const HOUR_MS = 3_600_000
/** The time of clocks that stand still, so that revisions repeat. */
const SAME = Date.UTC(2020, 0, 1)

/** Reads a watch until a key comes. Returns all keys up to it. */
async function until(watch: AsyncIterator<KvsEntry>, key: string): Promise<string[]> {
  const keys: string[] = []
  while (keys.at(-1) !== key) keys.push((await watch.next()).value.key)
  return keys
}

test('a revision that an older copy of the data gives again is under another epoch', async (t) => {
  await using directory = await temporaryDirectory()
  const [data, copy] = [`${directory.path}/data`, `${directory.path}/copy`]
  await using broker = await BrokerProcess.start({ data }, SAME)
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  const first = await ns.put('before', bytes('x'))
  await broker.kill()
  cpSync(data, copy, { recursive: true })
  await broker.start(SAME)
  const original = await ns.put('key', bytes('original'))
  await broker.kill()
  rmSync(data, { recursive: true })
  cpSync(copy, data, { recursive: true })
  await broker.start(SAME)
  const again = await ns.put('key', bytes('another'))
  t.equal(again.revision, original.revision, 'the copy does not know of it')
  t.not(again.epoch, original.epoch)
  t.match(await ns.get('key'), again)
  t.match(await ns.get('before'), first, 'what was put before keeps its epoch')
})

test('a watch misses nothing of an older copy of the data, or of a clock that was set back', async (t) => {
  for (const clock of [undefined, SAME]) {
    await using directory = await temporaryDirectory()
    const [data, copy] = [`${directory.path}/data`, `${directory.path}/copy`]
    await using broker = await BrokerProcess.start({ data }, clock)
    await using client = brokerKvs({ url: broker.url })
    await using writer = brokerKvs({ url: broker.url })
    await client.createNamespace('ns')
    await writer.namespace('ns').put('a', bytes('copied'))
    await broker.kill()
    cpSync(data, copy, { recursive: true })
    // These puts have revisions that the copy reaches an hour later.
    await broker.start((clock ?? Date.now()) + HOUR_MS)
    const watch = client.namespace('ns').watch('')
    t.same(await until(watch, 'a'), ['a'])
    await writer.namespace('ns').put('a', bytes('later'))
    await writer.namespace('ns').put('b', bytes('x'))
    await until(watch, 'b')
    const next = until(watch, 'c')
    await broker.kill()
    rmSync(data, { recursive: true })
    cpSync(copy, data, { recursive: true })
    await broker.start(clock)
    await writer.namespace('ns').put('c', bytes('x'))
    t.same((await next).sort(), ['a', 'c'], 'all that there is, also what is as it was before')
    await watch.return?.()
  }
})

test('a watch goes on after what it has, over restarts on the same data', async (t) => {
  await using directory = await temporaryDirectory()
  await using broker = await BrokerProcess.start({ data: directory.path })
  await using client = brokerKvs({ url: broker.url })
  await using writer = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = writer.namespace('ns')
  const watch = client.namespace('ns').watch('')
  for (let i = 0; i < 3; i++) {
    await ns.put(`key/${i}`, bytes('x'))
    // Registrations do not share the revisions of namespaces.
    await using _ = await writer.register('node', bytes('x'), { ttl: 60_000 })
    t.same(await until(watch, `key/${i}`), [`key/${i}`], 'nothing again')
    const more = until(watch, `more/${i}`)
    await ns.get('key/0')
    await broker.kill()
    await broker.start()
    await ns.put(`more/${i}`, bytes('x'))
    t.same(await more, [`more/${i}`])
  }
  await watch.return?.()
})

test('a store in memory that begins anew with an earlier clock is watched from its beginning', async (t) => {
  await using broker = await BrokerProcess.start({}, SAME + HOUR_MS)
  await using client = brokerKvs({ url: broker.url })
  const watch = client.registry.watch('')
  await using holder = brokerKvs({ url: broker.url })
  const registration = await holder.register('node', bytes('x'), { ttl: 60_000 })
  t.equal((await watch.next()).value.key, 'node')
  const next = watch.next()
  await broker.kill()
  await broker.start(SAME)
  t.equal((await next).value.key, 'node')
  await watch.return?.()
  t.notOk(registration.lost.aborted)
})

test('what epochs there were is known after a rewrite, and forgotten after a thousand', async (t) => {
  await using directory = await temporaryDirectory()
  const latest: number[] = []
  const base = () => readdirSync(directory.path).find((name) => name.startsWith('base.'))
  for (let i = 0; i < 3; i++) {
    const before = base()
    const store = await LogRecordStore.open(directory.path, { compactBytes: 500 })
    store.begin(`epoch--${i}`)
    const ns = store.namespaces()[0] ?? (await create(store, 'ns'))
    let revision = i * 1_000_000
    // Closing would end a rewrite under way.
    while (base() === before) {
      await put(ns, `key/${revision % 3}`, 'x', ++revision)
      await new Promise((resolve) => setImmediate(resolve))
    }
    latest.push(revision)
    await store.close()
  }
  const store = await LogRecordStore.open(directory.path)
  t.same(
    [0, 1, 2].map((i) => store.lastOf(`epoch--${i}`)),
    latest,
  )
  t.equal(store.lastOf('nobody--'), undefined)
  await store.close()
  const catalog = new Catalog()
  for (let i = 0; i <= 1_000; i++) catalog.epoch(String(i).padStart(8, '0'), i)
  t.equal(catalog.lastOf('00000000'), undefined)
  t.equal(catalog.lastOf('00000001'), 2)
})

test('a peer of another version is turned away at once, with both versions named', async (t) => {
  await using broker = await storeOfOtherVersion()
  await using client = brokerKvs({ url: broker.url() })
  for (const call of [
    client.listNamespaces(),
    client.namespace('ns').waitFor('key'),
    client.namespace('ns').watch('').next(),
  ]) {
    const error = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.ok(isDyadError(error, 'ERR_DYAD_PROTOCOL'))
    t.match(
      (error as Error).message,
      new RegExp(`another version of the protocol: ${OTHER_VERSION}, and this side \\d+.*same version`),
    )
  }
})
