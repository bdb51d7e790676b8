import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  type FSWatcher,
  readdirSync,
  readFileSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { endOf, messageFrom } from '../../../test/harness/child.js'
import { brokerKvs } from '../src/index.js'
import { LogRecordStore } from '../src/records/log-records.js'
import { revisionOf } from '../src/records/packed.js'
import { temporaryDirectory } from './broker-process.js'
import { contents, create, put, remove, value } from './log-store.js'

test('what was committed is replayed: puts, deletes, namespaces, the highest revision', async (t) => {
  await using directory = await temporaryDirectory()
  const before = await LogRecordStore.open(directory.path)
  const ns = await create(before, 'ns')
  const other = await create(before, 'other')
  const long = 'x'.repeat(700_000)
  await Promise.all([put(ns, 'ä', 'a', 5), put(ns, 'b', 'b', 6), put(ns, 'c', long, 7), put(other, 'a', 'gone', 9)])
  t.equal(await remove(ns, 'b'), 'b')
  t.equal(await remove(ns, 'b'), undefined)
  await new Promise<void>((resolve) => before.remove(other, () => resolve()))
  before.raise(1234)
  await before.close()
  const after = await LogRecordStore.open(directory.path)
  t.same(contents(after), { ä: 'a', c: long })
  t.same(
    after.namespaces().map(({ name, nonce }) => [name, nonce]),
    [['ns', 'nonce']],
  )
  t.equal(after.ceiling, 1234)
  const packed = after.namespaces()[0]?.records.get('ä')
  t.equal(packed && revisionOf(packed), 5)
  const again = await create(after, 'other')
  await put(again, 'new', 'x', 10)
  await after.close()
  const last = await LogRecordStore.open(directory.path)
  t.same(contents(last, 'other'), { new: 'x' }, 'a namespace created anew has a number of its own')
  await last.close()
})

test('one turn is one write, told in order and seen by nobody before', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path)
  const ns = await create(store, 'ns')
  const size = () => readFileSync(join(directory.path, 'log.0')).length
  const before = size()
  const told: number[] = []
  const all = Array.from({ length: 100 }, (_, i) => put(ns, `key/${i}`, 'x', i + 1).then(() => told.push(i)))
  t.equal(size(), before)
  t.equal(ns.records.get('key/0'), undefined)
  await all[0]
  t.ok(ns.records.get('key/99'))
  await Promise.all(all)
  t.same(
    told,
    all.map((_, i) => i),
  )
  t.ok(size() < before + 100 * 40, `${size() - before} bytes for 100 puts: one header`)
  await store.close()
})

test('a log whose end is torn off, or overwritten, keeps what was before', async (t) => {
  for (const damage of ['cut', 'garbage', 'flipped']) {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'log.0')
    const store = await LogRecordStore.open(directory.path)
    const ns = await create(store, 'ns')
    await put(ns, 'a', 'a', 1)
    const whole = readFileSync(file).length
    await put(ns, 'b', 'b', 2)
    await store.close()
    if (damage === 'cut') truncateSync(file, readFileSync(file).length - 3)
    else if (damage === 'garbage') appendFileSync(file, Buffer.alloc(40, 0xff))
    else writeFileSync(file, readFileSync(file).fill(0x55, whole + 20))
    const end = readFileSync(file)
    const after = await LogRecordStore.open(directory.path)
    const [saved, ...others] = readdirSync(directory.path).filter((name) => name.startsWith('log.0.cut-'))
    t.same(others, [])
    const cut = readFileSync(join(directory.path, saved ?? ''))
    t.ok(cut.length > 0 && cut.equals(end.subarray(end.length - cut.length)), 'what was cut off is kept')
    t.match(after.notices, [new RegExp(`^${cut.length} bytes at the end of ${file}.* ${saved}$`)])
    t.same(contents(after), damage === 'garbage' ? { a: 'a', b: 'b' } : { a: 'a' }, damage)
    const again = after.namespaces()[0]
    if (again !== undefined) await put(again, 'c', 'c', 3)
    await after.close()
    const last = await LogRecordStore.open(directory.path)
    t.equal(contents(last).c, 'c', 'what is put after it is found')
    t.same(last.notices, [])
    await last.close()
  }
})

test('a log is rewritten when it has grown, and what is put meanwhile is kept', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path, { compactBytes: 100_000 })
  const ns = await create(store, 'ns')
  const expected: Record<string, string> = {}
  await put(ns, 'once', 'x', 1)
  expected['once'] = 'x'
  for (let i = 0; i < 20_000; i++) {
    const key = `key/${i % 500}`
    expected[key] = `${i}`
    const putting = put(ns, key, `${i}`, i + 1)
    if (i % 100 === 0) await putting
    if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await remove(ns, 'key/7')
  delete expected['key/7']
  // Closing would end a rewrite under way.
  await untilNamed(directory.path, /^base\./)
  await store.close()
  const files = readdirSync(directory.path)
  t.ok(
    files.some((name) => name.startsWith('base.')),
    files.join(),
  )
  t.notOk(files.includes('log.0'), 'what the base replaced is gone')
  const after = await LogRecordStore.open(directory.path)
  t.same(contents(after), expected)
  t.equal(after.ceiling, 20_000)
  await after.close()
})

test('a rewrite that is ended leaves nothing of the base that it was making', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path, { compactBytes: 4_000_000 })
  const ns = await create(store, 'ns')
  const names = () => readdirSync(directory.path)
  for (let i = 1; !names().includes('log.1'); i++) await put(ns, `key/${i}`, 'x'.repeat(200_000), i)
  const count = store.count()
  await untilNamed(directory.path, /^part\./)
  await store.close()
  t.same(names().sort(), ['lock', 'log.0', 'log.1'])
  const again = await LogRecordStore.open(directory.path)
  t.equal(again.count(), count)
  await again.close()
})

test('a base that was not finished is no base, one that is damaged is an error', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path)
  await put(await create(store, 'ns'), 'a', 'a', 1)
  await store.close()
  writeFileSync(join(directory.path, 'part.3'), 'half')
  const after = await LogRecordStore.open(directory.path)
  t.same(contents(after), { a: 'a' })
  t.same(readdirSync(directory.path).sort(), ['lock', 'log.0'])
  await after.close()
  copyFileSync(join(directory.path, 'log.0'), join(directory.path, 'log.1'))
  writeFileSync(
    join(directory.path, 'base.1'),
    Buffer.concat([readFileSync(join(directory.path, 'log.0')), value('x')]),
  )
  await t.rejects(LogRecordStore.open(directory.path), { code: 'ERR_DYAD_LOG', message: /base\.1.*damaged at byte/ })
  writeFileSync(join(directory.path, 'base.1'), 'something else altogether')
  await t.rejects(LogRecordStore.open(directory.path), { code: 'ERR_DYAD_LOG', message: /base\.1.*is no log/ })
})

test('what was deleted before is remembered, until it is put again', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path)
  const ns = await create(store, 'ns')
  for (const [i, key] of ['a', 'b', 'c'].entries()) await put(ns, key, 'x', i + 1)
  await remove(ns, 'a')
  await remove(ns, 'b')
  await put(ns, 'b', 'y', 9)
  t.equal(ns.records.wasDeleted('a'), false, 'the store knows its own')
  await store.close()
  const after = await LogRecordStore.open(directory.path)
  const records = after.namespaces()[0]?.records
  t.same(
    ['a', 'b', 'c'].map((key) => records?.wasDeleted(key)),
    [true, false, false],
  )
  await after.close()
})

test('a disk that is full fails the put, loses nothing that was committed, and is met by the next', async (t) => {
  await using directory = await temporaryDirectory()
  const script = fileURLToPath(new URL('processes/limited-broker.mjs', import.meta.url))
  const command = ['-c', 'ulimit -f 64; exec "$@"', 'sh', process.execPath, script]
  const limited = spawn('sh', [...command, JSON.stringify({ data: directory.path })], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const { url } = await messageFrom<{ url: string }>(limited)
  const returned: string[] = []
  {
    await using client = brokerKvs({ url })
    await client.createNamespace('ns')
    const ns = client.namespace('ns')
    const failure = await (async () => {
      for (let i = 0; ; i++) {
        await ns.put(`key/${i}`, Buffer.alloc(1000))
        returned.push(`key/${i}`)
      }
    })().catch((error: unknown) => error)
    t.match(failure, { code: 'ERR_DYAD_SYSTEM' })
    t.equal(await ns.get(`key/${returned.length}`), undefined, 'what failed is not there')
    await ns.put('small', value('fits'))
    returned.push('small')
  }
  limited.kill('SIGKILL')
  await endOf(limited)
  const store = await LogRecordStore.open(directory.path)
  t.same(Object.keys(contents(store)), returned)
  t.ok(returned.length > 10)
  await store.close()
})

test('a directory is open once', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path)
  await t.rejects(LogRecordStore.open(directory.path), { code: 'EBUSY' })
  await store.close()
  await (await LogRecordStore.open(directory.path)).close()
})

test('a relative directory is what it was when it was opened, whatever the working directory is later', async (t) => {
  await using directory = await temporaryDirectory()
  const working = process.cwd()
  t.teardown(() => process.chdir(working))
  process.chdir(directory.path)
  const store = await LogRecordStore.open('log', { compactBytes: 100_000 })
  process.chdir('/')
  const ns = await create(store, 'ns')
  for (let revision = 1; revision <= 200; revision++) await put(ns, 'key', 'x'.repeat(1_000), revision)
  await store.close()
  process.chdir(working)
  t.strictSame(readdirSync(directory.path), ['log'])
  t.ok(readdirSync(join(directory.path, 'log')).includes('log.1'), 'it was continued there')
  const again = await LogRecordStore.open(join(directory.path, 'log'))
  t.same(contents(again), { key: 'x'.repeat(1_000) })
  await again.close()
})

/** Resolves once the directory has a file with such a name. */
async function untilNamed(directory: string, name: RegExp): Promise<void> {
  using watcher = watching(directory)
  while (!readdirSync(directory).some((file) => name.test(file))) await once(watcher.changes, 'change')
}

function watching(directory: string): { changes: FSWatcher } & Disposable {
  const changes = watch(directory)
  return { changes, [Symbol.dispose]: () => changes.close() }
}
