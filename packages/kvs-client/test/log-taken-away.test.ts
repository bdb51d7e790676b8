import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { brokerKvs } from '../src/index.js'
import { LogRecordStore } from '../src/records/log-records.js'
import { repairLog } from '../src/records/repair.js'
import { BrokerProcess, temporaryDirectory } from './broker-process.js'
import { contents, create, put, value } from './log-store.js'

/** A store in this process on a directory of its own, with the record `a`. */
async function running(compactBytes?: number) {
  const { path, [Symbol.asyncDispose]: dispose } = await temporaryDirectory()
  const data = join(path, 'data')
  const store = await LogRecordStore.open(data, { compactBytes })
  const ns = await create(store, 'ns')
  await put(ns, 'a', 'a', 1)
  return { path, data, store, ns, [Symbol.asyncDispose]: dispose }
}

/** Starts a store on the directory, and returns its records. */
async function found(data: string): Promise<Record<string, string>> {
  const store = await LogRecordStore.open(data)
  const records = contents(store)
  await store.close()
  return records
}

async function untilNamed(directory: string, name: string): Promise<void> {
  const changes = watch(directory)
  while (!readdirSync(directory).includes(name)) await once(changes, 'change')
  changes.close()
}

test('no other broker starts beside one that runs, whatever became of the lock', async (t) => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  await using broker = await BrokerProcess.start({ data: path })
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  for (const [key, spoil] of Object.entries({
    removed: () => rmSync(join(path, 'lock')),
    replaced: () => renameSync(join(path, 'lock'), join(path, 'aside')),
    overwritten: () => writeFileSync(join(path, 'lock'), ''),
  })) {
    spoil()
    const refused = { code: 'EBUSY', message: /another broker has this directory open.*log\.0/ }
    await t.rejects(LogRecordStore.open(path), refused, key)
    await t.rejects(repairLog(path), { ...refused, code: 'ERR_DYAD_SYSTEM' }, key)
    await ns.put(key, value(key))
  }
  await broker.kill()
  t.same(Object.keys(await found(path)), ['removed', 'replaced', 'overwritten'])
})

test('it is known by the log that it appends to after each rewrite, too', async (t) => {
  await using site = await running(1_000)
  const { data, store, ns } = site
  rmSync(join(data, 'lock'))
  for (let i = 1; !readdirSync(data).includes('base.3'); i++) {
    await put(ns, 'b', `${i}`, i)
    await new Promise((resolve) => setImmediate(resolve))
    await t.rejects(LogRecordStore.open(data), { code: 'EBUSY' })
  }
  await store.close()
  t.match(await found(data), { a: 'a' })
})

test('what is removed under a broker is written anew, and nothing is stored until it is', async (t) => {
  const removals: Record<string, (data: string) => void> = {
    'the log is removed': (data) => rmSync(join(data, 'log.0')),
    'the log is renamed': (data) => renameSync(join(data, 'log.0'), join(data, 'log.0.aside')),
    'all but the lock is removed': (data) => {
      for (const name of readdirSync(data)) if (name !== 'lock') rmSync(join(data, name))
    },
  }
  for (const [what, removal] of Object.entries(removals)) {
    await using directory = await temporaryDirectory()
    const { path } = directory
    await using broker = await BrokerProcess.start({ data: path })
    await using client = brokerKvs({ url: broker.url })
    await client.createNamespace('ns')
    const ns = client.namespace('ns')
    await ns.put('before', value('before'))
    removal(path)
    const lost = { code: 'ERR_DYAD_SYSTEM', detail: /log\.0 was removed or moved while this broker writes to it/ }
    await t.rejects(ns.put('lost', value('lost')), lost, what)
    t.equal(await ns.get('lost'), undefined)
    await untilNamed(path, 'base.1')
    await ns.put('after', value('after'))
    await broker.kill()
    t.same(await found(path), { before: 'before', after: 'after' }, what)
  }
})

test('while it is written anew everything else is refused, and stored afterwards', async (t) => {
  await using site = await running()
  const { data, store, ns } = site
  rmSync(join(data, 'log.0'))
  const lost = { code: 'ERR_DYAD_SYSTEM', detail: /log\.0 was removed or moved/ }
  await t.rejects(put(ns, 'b', 'b', 2), lost)
  t.notOk(readdirSync(data).includes('base.1'), 'it is under way')
  await t.rejects(put(ns, 'c', 'c', 3), lost)
  await untilNamed(data, 'base.1')
  await put(ns, 'd', 'd', 4)
  await store.close()
  t.same(await found(data), { a: 'a', d: 'd' })
})

test('what was removed is there again when the broker has ended, whether anything was stored after it or not', async (t) => {
  for (const file of ['log.0', 'base.1']) {
    await using site = await running(1_000)
    const { data, store, ns } = site
    if (file === 'base.1') {
      await put(ns, 'long', 'x'.repeat(1_000), 2)
      await untilNamed(data, file)
    }
    const before = contents(store)
    rmSync(join(data, file))
    await store.close()
    t.same(await found(data), before, file)
  }
})

test('a broker whose directory was moved stores nothing, leaves what stands there alone, and says so at its end', async (t) => {
  await using site = await running(1_000)
  const { path, data, store, ns } = site
  renameSync(data, join(path, 'moved'))
  const lost = { code: 'ERR_DYAD_SYSTEM', detail: /log\.0 was removed or moved/ }
  await t.rejects(put(ns, 'b', 'b', 2), lost)
  t.same(readdirSync(path), ['moved'], 'no new one is made')
  renameSync(join(path, 'moved'), data)
  await put(ns, 'c', 'c', 3)
  renameSync(data, join(path, 'moved'))
  const other = await LogRecordStore.open(data)
  await put(await create(other, 'ns'), 'other', 'other', 1)
  const files = readdirSync(data)
  for (let i = 0; i < 50; i++) {
    await t.rejects(put(ns, 'd', 'x'.repeat(100), 4), {
      code: 'ERR_DYAD_SYSTEM',
      detail: /log\.0 was replaced by another file/,
    })
  }
  await t.rejects(store.close(), { code: 'ERR_DYAD_SYSTEM', detail: /log\.0 was replaced/ })
  t.same(readdirSync(data), files)
  await put(other.namespaces()[0] ?? ns, 'more', 'more', 2)
  await other.close()
  t.same(await found(data), { other: 'other', more: 'more' })
  t.same(await found(join(path, 'moved')), { a: 'a', c: 'c' })
})

test('a rewrite that is under way when the directory is moved touches nothing that stands there then', async (t) => {
  for (const moment of ['log.1', 'part.1']) {
    await using site = await running(1_000)
    const { path, data, store, ns } = site
    await put(ns, 'long', 'x'.repeat(1_000), 2)
    await untilNamed(data, moment)
    const records = contents(store)
    renameSync(data, join(path, 'moved'))
    const other = await LogRecordStore.open(data)
    await put(await create(other, 'ns'), 'other', 'other', 1)
    const files = readdirSync(data)
    await t.rejects(store.close(), { code: 'ERR_DYAD_SYSTEM' }, moment)
    t.same(readdirSync(data), files, 'nothing is removed or made')
    await put(other.namespaces()[0] ?? ns, 'more', 'more', 2)
    await other.close()
    t.same(await found(data), { other: 'other', more: 'more' })
    t.same(await found(join(path, 'moved')), records)
  }
})

test('of two brokers in a directory that was emptied, the one whose files are there goes on', async (t) => {
  await using site = await running()
  const { data, store, ns } = site
  for (const name of readdirSync(data)) rmSync(join(data, name))
  const other = await LogRecordStore.open(data)
  await put(await create(other, 'ns'), 'other', 'other', 1)
  await t.rejects(put(ns, 'b', 'b', 2), { code: 'ERR_DYAD_SYSTEM', detail: /log\.0 was replaced by another file/ })
  await t.rejects(store.close(), { code: 'ERR_DYAD_SYSTEM' })
  await put(other.namespaces()[0] ?? ns, 'more', 'more', 2)
  await other.close()
  t.same(await found(data), { other: 'other', more: 'more' })
})

test('a file that somebody else changes or replaces is not written to, and not touched', async (t) => {
  const changes: Record<string, (log: string, copy: string) => void> = {
    'an older copy is moved there': (log, copy) => renameSync(copy, log),
    'an older copy is written over it': (log, copy) => copyFileSync(copy, log),
    'it is emptied': (log) => truncateSync(log),
    'something is added': (log) => appendFileSync(log, 'more'),
    'a directory stands there': (log) => {
      rmSync(log)
      mkdirSync(log)
    },
  }
  for (const [what, change] of Object.entries(changes)) {
    await using site = await running()
    const { path, data, store, ns } = site
    const log = join(data, 'log.0')
    const copy = join(path, 'copy')
    copyFileSync(log, copy)
    await put(ns, 'b', 'b', 2)
    change(log, copy)
    const now = readdirSync(data).join()
    const bytes = what.startsWith('a directory') ? undefined : readFileSync(log)
    const lost = { code: 'ERR_DYAD_SYSTEM', detail: /log\.0 was (replaced by another file|changed by somebody else)/ }
    await t.rejects(put(ns, 'c', 'c', 3), lost, what)
    await t.rejects(store.close(), lost)
    t.equal(readdirSync(data).join(), now)
    if (bytes !== undefined) t.ok(readFileSync(log).equals(bytes), 'it is left as it is')
    if (what.startsWith('an older')) t.same(await found(data), { a: 'a' })
  }
})
