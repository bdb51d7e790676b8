import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { endOf, messageFrom } from '../../../test/harness/child.js'
import { LogRecordStore } from '../src/records/log-records.js'
import { repairLog } from '../src/records/repair.js'
import { forkProcess, temporaryDirectory } from './broker-process.js'
import { contents, create, put, remove } from './log-store.js'

/** The files of a log, by name. */
type Files = Readonly<Record<string, Buffer>>

/** The files of a log before and after a rewrite, and their records. */
interface Site extends AsyncDisposable {
  readonly directory: string
  /** `log.0`, which the base replaced. */
  readonly before: Files
  /** `base.1` and `log.1`. */
  readonly after: Files
  readonly records: Record<string, string>
  /** Fills the directory with these files alone. */
  fill(files: Files): void
}

function filesOf(directory: string): Files {
  const names = readdirSync(directory).filter((name) => /^(base|log)\.\d+$/.test(name))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name))]))
}

/** Makes a store whose base has several batches, and whose log has puts and removals after it. */
async function rewritten(): Promise<Site> {
  const { path, [Symbol.asyncDispose]: dispose } = await temporaryDirectory()
  const source = join(path, 'source')
  const store = await LogRecordStore.open(source, { compactBytes: 1_000_000 })
  const ns = await create(store, 'ns')
  const text = 'x'.repeat(60_000)
  let revision = 1
  await put(ns, 'removed', 'before', revision++)
  await remove(ns, 'removed')
  let all = filesOf(source)
  for (; all['log.1'] === undefined; revision++) {
    await put(ns, `key/${revision % 10}`, `${revision} ${text}`, revision)
    all = filesOf(source)
  }
  // It exists until the base has its name.
  const before = { 'log.0': all['log.0'] as Buffer }
  await untilNamed(source, 'base.1')
  await put(ns, 'key/1', 'last', revision++)
  await put(ns, 'new', 'new', revision++)
  await remove(ns, 'key/2')
  const records = contents(store)
  await store.close()
  const after = filesOf(source)
  const directory = join(path, 'data')
  const fill = (files: Files) => {
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory)
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
  }
  return { directory, before, after, records, fill, [Symbol.asyncDispose]: dispose }
}

/** Resolves once the directory has a file of this name. */
async function untilNamed(directory: string, name: string): Promise<void> {
  const changes = watch(directory)
  while (!readdirSync(directory).includes(name)) await once(changes, 'change')
  changes.close()
}

/** Repairs the directory, and returns its records. */
async function repaired(t: Test, directory: string): Promise<Record<string, string>> {
  const before = filesOf(directory)
  const repair = await repairLog(directory)
  const kept = filesOf(repair.formerFiles ?? '')
  t.same(kept, before, 'the former files are kept')
  const store = await LogRecordStore.open(directory)
  const found = contents(store, repair.renamed[0])
  t.equal(Object.keys(found).length, repair.records)
  await store.close()
  return found
}

const damages: Record<string, (base: Buffer) => Buffer> = {
  empty: () => Buffer.alloc(0),
  'without a header': (base) => base.subarray(10),
  'of something else': () => Buffer.from('something else altogether'),
  'damaged in its first batch': (base) => flipped(base, 100),
  'damaged in its last batch': (base) => flipped(base, base.length - 5),
  'cut in a batch': (base) => base.subarray(0, base.length >> 1),
  'cut between batches': (base) => base.subarray(0, endsOf(base).at(-2)),
  'cut after its header': (base) => base.subarray(0, HEADER_BYTES),
}

test('a base that is damaged anywhere costs nothing while what it replaced is there', async (t) => {
  await using site = await rewritten()
  const { directory, before, after, records } = site
  for (const [what, damage] of Object.entries(damages)) {
    const files = { ...after, 'base.1': damage(after['base.1'] as Buffer) }
    site.fill({ ...before, ...files })
    await t.rejects(LogRecordStore.open(directory), { code: 'ERR_DYAD_LOG', message: /base\.1/ }, what)
    t.same(await repaired(t, directory), records, `${what}, with log.0`)
    site.fill(files)
    await t.rejects(LogRecordStore.open(directory), { code: 'ERR_DYAD_LOG', message: /base\.1/ }, what)
    const found = await repaired(t, directory)
    t.match(found, { 'key/1': 'last', new: 'new' }, `${what}, alone`)
    for (const [key, text] of Object.entries(found)) t.equal(text, records[key], key)
  }
})

test('a repair keeps the former files where there are no hard links', async (t) => {
  await using site = await rewritten()
  const { directory, after } = site
  const link = fs.linkSync
  let refused = 0
  // As on FUSE and vfat. All else is real.
  fs.linkSync = () => {
    refused++
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', syscall: 'link' })
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    fs.linkSync = link
    syncBuiltinESMExports()
  })
  site.fill({ ...after, 'log.1': flipped(after['log.1'] as Buffer, HEADER_BYTES + 20) })
  await repaired(t, directory)
  t.equal(refused, 2, 'one time for each file')
})

test('what a whole base has replaced does not come back', async (t) => {
  await using site = await rewritten()
  const { directory, before, after, records } = site
  // The removal in it cannot be read.
  const [first = 0, second = 0, third = 0] = endsOf(before['log.0'] as Buffer).slice(1)
  t.ok(first < second && second < third)
  const damaged = flipped(before['log.0'] as Buffer, third - 3)
  site.fill({ 'log.0': damaged, ...after, 'log.1': flipped(after['log.1'] as Buffer, HEADER_BYTES + 20) })
  const found = await repaired(t, directory)
  t.notOk('removed' in found)
  t.match(found, { new: 'new' })
  site.fill({ 'log.0': damaged, ...after })
  const untouched = await repairLog(directory)
  t.match(untouched, { formerFiles: undefined, records: Object.keys(records).length }, 'nothing is damaged that counts')
})

test('a base that was not finished helps where what it is made of is damaged', async (t) => {
  await using site = await rewritten()
  const { directory, before, after, records } = site
  const part = after['base.1'] as Buffer
  const damaged = Buffer.from('something else altogether')
  site.fill({ 'log.0': damaged, 'part.1': part, 'log.1': after['log.1'] as Buffer })
  const repair = await repairLog(directory)
  const store = await LogRecordStore.open(directory)
  t.same(contents(store), records)
  await store.close()
  t.ok(repair.unreadableBytes > 0)
  t.ok(readFileSync(join(repair.formerFiles ?? '', 'part.1')).equals(part))
  site.fill({ 'log.0': damaged, 'part.1': part.subarray(0, -5), 'log.1': after['log.1'] as Buffer })
  const partly = await repairLog(directory)
  t.ok(partly.records > 2, 'also a part of it')
  t.equal(partly.unreadableBytes, damaged.length, 'of which the rest was not written')
  site.fill({ ...before, 'part.1': part.subarray(0, -5), 'log.1': after['log.1'] as Buffer })
  t.match(await repairLog(directory), { formerFiles: undefined, unreadableBytes: 0 }, 'as after kill -9')
  const again = await LogRecordStore.open(directory)
  t.same(contents(again), records)
  await again.close()
})

test('a base is whole at one length only, whatever it consists of', async (t) => {
  await using site = await rewritten()
  const { directory, after } = site
  const base = after['base.1'] as Buffer
  const ends = endsOf(base)
  t.ok(ends.length > 3, `${ends.length} batches`)
  for (const end of [0, HEADER_BYTES, ...ends.slice(0, -1), base.length - 1]) {
    site.fill({ ...after, 'base.1': base.subarray(0, end) })
    await t.rejects(LogRecordStore.open(directory), { code: 'ERR_DYAD_LOG', message: /base\.1/ }, `${end} bytes`)
  }
})

test('more namespaces than one batch can tell of are kept by a rewrite', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path, { compactBytes: 12_000_000 })
  const name = (i: number) => `${'n'.repeat(50)}${i}`
  const count = 80_000
  let made: Promise<unknown> = Promise.resolve()
  for (let i = 0; i < count; i++) made = create(store, name(i))
  await made
  const ns = store.namespaces()[0]
  if (ns === undefined) throw new Error('there is no namespace')
  for (let i = 1; !readdirSync(directory.path).includes('log.1'); i++) await put(ns, 'key', 'x'.repeat(500_000), i)
  await untilNamed(directory.path, 'base.1')
  await store.close()
  const again = await LogRecordStore.open(directory.path)
  t.equal(again.namespaces().length, count)
  t.equal(new Set(again.namespaces().map((each) => each.name)).size, count)
  await again.close()
})

test('what is no regular file is refused by name, and moved aside by a repair', async (t) => {
  await using site = await rewritten()
  const { directory, before, after } = site
  const kinds: Record<string, (path: string) => void> = {
    'a directory': (path) => mkdirSync(path),
    'a pipe': (path) => spawnSync('mkfifo', [path]),
  }
  const cases: Readonly<Record<string, Files>> = {
    'log.0': {},
    'log.1': before,
    'base.1': { ...before, 'log.1': after['log.1'] as Buffer },
    'base.2': { ...after, 'log.2': after['log.1'] as Buffer },
    'part.1': before,
    'new.1': before,
  }
  for (const [name, files] of Object.entries(cases)) {
    site.fill(files)
    const without = await LogRecordStore.open(directory)
    const expected = contents(without)
    await without.close()
    for (const [kind, make] of Object.entries(kinds)) {
      site.fill(files)
      const path = join(directory, name)
      make(path)
      // An unfinished file is removed, if it can be.
      if (!/^(part|new)/.test(name) || kind === 'a directory') {
        const refusal = { code: 'ERR_DYAD_LOG', path, detail: `is ${kind} and no regular file` }
        await t.rejects(LogRecordStore.open(directory), refusal, `${name} is ${kind}`)
      }
      const repair = await repairLog(directory)
      t.ok(readdirSync(repair.formerFiles ?? '').includes(name), 'it is kept')
      const store = await LogRecordStore.open(directory)
      t.same(contents(store), expected, name)
      await store.close()
    }
  }
})

test('a symbolic link in the place of a file is refused, with what to do, also by a repair', async (t) => {
  await using site = await rewritten()
  const { directory, after, records } = site
  for (const name of ['base.1', 'log.1']) {
    site.fill(after)
    const path = join(directory, name)
    const aside = join(directory, 'aside')
    copyFileSync(path, aside)
    rmSync(path)
    symlinkSync(aside, path)
    const refusal = { code: 'ERR_DYAD_LOG', path, detail: /^is a symbolic link.*: put the file itself in its place/ }
    await t.rejects(LogRecordStore.open(directory), refusal)
    await t.rejects(repairLog(directory), refusal)
    rmSync(path)
    copyFileSync(aside, path)
    const store = await LogRecordStore.open(directory)
    t.same(contents(store), records)
    await store.close()
  }
})

test('a directory that has had a log and has none is damaged, and no new one', async (t) => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  const store = await LogRecordStore.open(path)
  await put(await create(store, 'ns'), 'a', 'a', 1)
  await store.close()
  rmSync(join(path, 'log.0'))
  const lost = {
    code: 'ERR_DYAD_LOG',
    message: /log\.0 is missing, and records have been kept there.*repair DIRECTORY/,
  }
  for (const left of ['lock', 'part.1', 'log.0.cut-20', 'before-repair-2026']) {
    for (const name of readdirSync(path)) if (name !== 'lock' || left !== 'lock') rmSync(join(path, name))
    if (left !== 'lock') writeFileSync(join(path, left), '')
    await t.rejects(LogRecordStore.open(path), lost, left)
    await t.rejects(LogRecordStore.open(path), lost, `${left}, and it does not take its refusal for a start`)
  }
  t.match(await repairLog(path), { records: 0, missing: 'log.0', unreadableBytes: 0 })
  const again = await LogRecordStore.open(path)
  t.same(contents(again), {})
  await put(await create(again, 'ns'), 'b', 'b', 2)
  await again.close()
  t.match(await repairLog(path), { records: 1, formerFiles: undefined })
})

test('a start that was killed before there was a log has lost none', async (t) => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  // As between the lock and the naming of the log.
  for (const left of [[], ['lock'], ['lock', 'new.0']]) {
    for (const name of left) writeFileSync(join(path, name), name === 'lock' ? 'process 1 on host h\n' : '')
    await t.rejects(repairLog(path), { code: 'ERR_DYAD_LOG', message: /there is no log/ })
    const store = await LogRecordStore.open(path)
    await store.close()
    for (const name of readdirSync(path)) rmSync(join(path, name))
  }
  // The lock of an earlier version does not mention a log, until it is opened once.
  const store = await LogRecordStore.open(path)
  await store.close()
  writeFileSync(join(path, 'lock'), '')
  await (await LogRecordStore.open(path)).close()
  rmSync(join(path, 'log.0'))
  await t.rejects(LogRecordStore.open(path), { code: 'ERR_DYAD_LOG' })
})

test('kill -9 at any moment of a repair leaves what another one makes whole', async (t) => {
  await using site = await rewritten()
  const { directory, before, after, records } = site
  const files = { ...before, ...after, 'base.1': (after['base.1'] as Buffer).subarray(0, -30) }
  let [unfinished, finished] = [0, 0]
  for (let round = 0; round < 8; round++) {
    site.fill(files)
    const child = forkProcess('repair.mjs', [directory])
    await messageFrom(child)
    // Its steps take one or a few milliseconds each.
    const until = performance.now() + round * 2
    while (performance.now() < until);
    child.kill('SIGKILL')
    await endOf(child)
    const repair = await repairLog(directory)
    if (repair.formerFiles === undefined) finished++
    else unfinished++
    t.ok(repair.records === Object.keys(records).length, `round ${round}`)
    const store = await LogRecordStore.open(directory)
    t.same(contents(store), records)
    await store.close()
  }
  t.ok(unfinished > 0, `${unfinished} were not finished, ${finished} were`)
})

test('a number that none can follow, and names that are none of a log', async (t) => {
  await using site = await rewritten()
  const { directory, before, after, records } = site
  site.fill({ ...before, ...after, 'log.999999999': Buffer.alloc(0) })
  const refusal = { code: 'ERR_DYAD_LOG', path: directory, detail: /999999999, which none can follow: move it away/ }
  await t.rejects(repairLog(directory), refusal)
  site.fill({ ...after, 'log.00': Buffer.alloc(0), 'base.02': Buffer.alloc(0), 'log.1234567890': Buffer.alloc(0) })
  t.match(await repairLog(directory), { formerFiles: undefined })
  const store = await LogRecordStore.open(directory)
  t.same(contents(store), records)
  await store.close()
})

test('two repairs at a time do not meet', async (t) => {
  await using site = await rewritten()
  const { directory, before, after, records } = site
  site.fill({ ...before, ...after, 'base.1': Buffer.alloc(0) })
  const outcomes = await Promise.allSettled([repairLog(directory), repairLog(directory)])
  t.match(outcomes, [
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'ERR_DYAD_SYSTEM', detail: /another broker has this directory open/ } },
  ])
  const store = await LogRecordStore.open(directory)
  t.same(contents(store), records)
  await store.close()
})

/**
 * Bytes of the header of a file, and of a batch before its body: the format, a mark, a checksum;
 * the mark, a length, a checksum.
 */
const HEADER_BYTES = 20
const BATCH_HEADER_BYTES = 16

/** Returns the ends of the batches of a file. */
function endsOf(bytes: Buffer): number[] {
  const ends: number[] = []
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    at += BATCH_HEADER_BYTES + bytes.readUInt32LE(at + 8)
    ends.push(at)
  }
  return ends
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 0x40, at)
  return copy
}
