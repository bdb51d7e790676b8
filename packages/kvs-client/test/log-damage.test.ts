import { deepStrictEqual, fail, match, ok, strictEqual } from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDyadError } from '@dyad-ts/core'
import { test } from 'tap'
import { endOf, unlessEnded } from '../../../test/harness/child.js'
import { startBroker } from '../src/index.js'
import { LogRecordStore } from '../src/records/log-records.js'
import { repairLog } from '../src/records/repair.js'
import { forkProcess, temporaryDirectory } from './broker-process.js'
import { contents, create, put, remove } from './log-store.js'

/**
 * The places of the batches in the log of `small`: header, two namespaces, and a batch for each
 * put.
 */
interface Small {
  readonly bytes: Buffer
  /** The records after each batch, and where it ends. */
  readonly states: readonly { readonly end: number; readonly records: Record<string, string> }[]
}

const KEYS = ['a', 'b', 'c', 'd', 'e']

/** A log of a few batches, one a record. */
async function small(directory: string): Promise<Small> {
  const file = join(directory, 'log.0')
  const store = await LogRecordStore.open(directory)
  const states = [{ end: readFileSync(file).length, records: {} }]
  const ns = await create(store, 'ns')
  states.push({ end: readFileSync(file).length, records: {} })
  for (const [i, key] of KEYS.entries()) {
    await put(ns, key, `value of ${key}`, i + 1)
    states.push({ end: readFileSync(file).length, records: contents(store) })
  }
  await store.close()
  return { bytes: readFileSync(file), states }
}

/** Opens a store of these files. Returns its records or its error. */
async function opened(directory: string): Promise<Record<string, string> | Error> {
  try {
    const store = await LogRecordStore.open(directory)
    const found = contents(store)
    await store.close()
    return found
  } catch (error) {
    return error as Error
  }
}

function flip(bytes: Buffer, at: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x40, at)
}

function fill(directory: string, files: Record<string, Buffer>): void {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
}

test('a byte that changed anywhere in a log is found, loses nothing unsaid, and costs one batch', async (t) => {
  await using directory = await temporaryDirectory()
  const { bytes, states } = await small(directory.path)
  const whole = states.at(-1)?.records ?? {}
  const last = states.at(-2)?.end ?? 0
  const other = join(directory.path, 'other')
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flip(flipped, at)
    fill(other, { 'log.0': flipped })
    const found = await opened(other)
    if (at >= last) {
      // It looks like an unfinished write.
      if (found instanceof Error) fail(`byte ${at}: ${found.message}`)
      deepStrictEqual(found, states.at(-2)?.records, `byte ${at}`)
      continue
    }
    const begin = states.findLast(({ end }) => end <= at)?.end ?? 0
    if (!isDyadError(found, 'ERR_DYAD_LOG')) {
      fail(`byte ${at} is not noticed`)
      continue
    }
    ok(
      found.message.includes(join(other, 'log.0')) && (begin === 0 || found.message.includes(`at byte ${begin},`)),
      `byte ${at}: ${found.message}`,
    )
    match(found.message, /`dyad broker repair DIRECTORY`/)
    ok(readFileSync(join(other, 'log.0')).equals(flipped), 'the file is left as it is')
    // A repair waits for the disk several times. One for each field and a few for each value are
    // enough.
    if (at % 4 !== 0) continue
    const repair = await repairLog(other)
    const batch = states.findIndex(({ end }) => end > at)
    const lost = batch > 1 ? KEYS[batch - 2] : undefined
    const expected = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== lost))
    deepStrictEqual(await opened(other), expected, `what is left without byte ${at}`)
    deepStrictEqual([repair.records, repair.namespaces, repair.renamed], [Object.keys(expected).length, 1, []])
    strictEqual(repair.unreadableBytes, batch === -1 ? 0 : (states[batch]?.end ?? 0) - begin)
    ok(readFileSync(join(repair.formerFiles ?? '', 'log.0')).equals(flipped), 'the former file is kept')
  }
  t.pass(`${bytes.length} bytes`)
})

test('a log that ends anywhere keeps what was before, and one without a header is no empty one', async (t) => {
  await using directory = await temporaryDirectory()
  const { bytes, states } = await small(directory.path)
  const other = join(directory.path, 'other')
  const header = states[0]?.end ?? 0
  for (let length = 0; length < bytes.length; length++) {
    fill(other, { 'log.0': bytes.subarray(0, length) })
    const found = await opened(other)
    if (length < header) {
      ok(isDyadError(found, 'ERR_DYAD_LOG'), `${length} bytes`)
      match((found as Error).message, RegExp(`too short for a log: ${length} bytes`))
    } else {
      deepStrictEqual(found, states.findLast(({ end }) => end <= length)?.records, `${length} bytes`)
      const rest = length - (states.findLast(({ end }) => end <= length)?.end ?? 0)
      strictEqual(readdirSync(other).filter((name) => name.includes('.cut-')).length, rest > 0 ? 1 : 0)
    }
  }
  t.pass(`${bytes.length} lengths`)
})

test('a file that is missing in the sequence stops the start, and repair keeps the others', async (t) => {
  await using directory = await temporaryDirectory()
  const store = await LogRecordStore.open(directory.path, { compactBytes: 1_000 })
  const ns = await create(store, 'ns')
  for (let i = 1; !readdirSync(directory.path).some((name) => name.startsWith('base.')); i++) {
    await put(ns, `key/${i % 10}`, `${i}`, i)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await store.close()
  const names = readdirSync(directory.path).filter((name) => /^(base|log)\./.test(name))
  const number = Number(names.find((name) => name.startsWith('base.'))?.slice(5))
  t.ok(number > 0, names.join())
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(directory.path, name))]))
  const log = files[`log.${number}`] as Buffer
  const base = files[`base.${number}`] as Buffer
  const cases: Record<string, Record<string, Buffer>> = {
    'the base is missing': { [`log.${number}`]: log },
    'the log of the base is missing': { [`base.${number}`]: base },
    'a log between is missing': { [`base.${number}`]: base, [`log.${number}`]: log, [`log.${number + 2}`]: log },
    'the first log is missing': { 'log.1': log },
  }
  const other = join(directory.path, 'other')
  for (const [what, left] of Object.entries(cases)) {
    fill(other, left)
    const found = await opened(other)
    t.ok(isDyadError(found, 'ERR_DYAD_LOG'), what)
    t.match((found as Error).message, /(base|log)\.\d+ is missing/, what)
    const repair = await repairLog(other)
    t.match(repair.missing, /^(base|log)\.\d+$/, what)
    t.notOk((await opened(other)) instanceof Error, 'it opens then')
    t.same(readdirSync(repair.formerFiles ?? '').sort(), Object.keys(left).sort())
  }
})

test('damage at the end of a log that another continues is no end', async (t) => {
  await using directory = await temporaryDirectory()
  const { bytes } = await small(directory.path)
  const second = join(directory.path, 'second')
  const { bytes: following, states } = await small(second)
  const other = join(directory.path, 'other')
  const torn = bytes.subarray(0, bytes.length - 3)
  fill(other, { 'log.0': torn, 'log.1': following })
  t.match(await opened(other), { code: 'ERR_DYAD_LOG', message: /log\.0.*damaged at byte \d+, and log\.1/ })
  fill(other, { 'log.0': torn, 'log.1': following.subarray(0, states[0]?.end) })
  t.same(Object.keys(await opened(other)), KEYS.slice(0, -1), 'unless nothing was written after it')
})

test('the records of a namespace whose creation cannot be read are kept under another name', async (t) => {
  await using directory = await temporaryDirectory()
  const { bytes, states } = await small(directory.path)
  const other = join(directory.path, 'other')
  // The log has the creation twice: alone, and with the first record.
  const damaged = Buffer.from(bytes)
  for (const i of [0, 1]) flip(damaged, (states[i]?.end ?? 0) + 30)
  fill(other, { 'log.0': damaged })
  const repair = await repairLog(other)
  t.match(repair, { records: KEYS.length - 1, namespaces: 1, renamed: ['recovered-1'] })
  const store = await LogRecordStore.open(other)
  t.same(Object.keys(contents(store, 'recovered-1')), KEYS.slice(1))
  const again = await create(store, 'ns')
  await put(again, 'x', 'x', 100)
  await store.close()
})

test('what looks like a batch and was put as a value is none', async (t) => {
  await using directory = await temporaryDirectory()
  const { bytes, states } = await small(directory.path)
  const other = join(directory.path, 'other')
  // Whole batches of another log, and of this one at another place.
  const hostile = bytes.subarray(states[0]?.end)
  const store = await LogRecordStore.open(directory.path)
  const [ns] = store.namespaces()
  if (ns === undefined) throw new Error('there is no namespace')
  for (const key of KEYS) await remove(ns, key)
  await put(ns, 'hostile', hostile.toString('latin1'), 100)
  const end = readFileSync(join(directory.path, 'log.0')).length
  await store.close()
  const damaged = readFileSync(join(directory.path, 'log.0'))
  flip(damaged, bytes.length + 10)
  flip(damaged, end - 1)
  fill(other, { 'log.0': damaged })
  const repair = await repairLog(other)
  t.ok(repair.unreadableBytes > 0)
  t.notOk(Object.keys((await opened(other)) as object).includes('hostile'))
  t.equal(repair.records, 1, 'the delete of one record was lost, and nothing else')
})

test('a log of another version is refused by name, and left alone by repair', async (t) => {
  await using directory = await temporaryDirectory()
  const old = Buffer.concat([Buffer.from('DYADLOG1'), Buffer.alloc(100, 7)])
  writeFileSync(join(directory.path, 'log.0'), old)
  const starting = startBroker({ data: directory.path })
  await t.rejects(starting, {
    code: 'ERR_DYAD_LOG',
    message: /has the format DYADLOG1, and this version reads DYADLOG2/,
  })
  await t.rejects(repairLog(directory.path), { code: 'ERR_DYAD_LOG', message: /DYADLOG1/ })
  t.ok(readFileSync(join(directory.path, 'log.0')).equals(old))
  await t.rejects(repairLog(dirname(directory.path)), { code: 'ERR_DYAD_LOG', message: /there is no log/ })
})

test('a directory that is whole, or that a broker has open, is left as it is', async (t) => {
  await using directory = await temporaryDirectory()
  await small(directory.path)
  const before = readdirSync(directory.path)
  t.match(await repairLog(directory.path), { records: KEYS.length, unreadableBytes: 0, formerFiles: undefined })
  t.same(readdirSync(directory.path), before)
  const broker = await startBroker({ data: directory.path })
  await t.rejects(repairLog(directory.path), {
    code: 'ERR_DYAD_SYSTEM',
    detail: /another broker has this directory open/,
  })
  await broker.close()
  copyFileSync(join(directory.path, 'log.0'), join(directory.path, 'log.1'))
  const store = await LogRecordStore.open(directory.path)
  t.equal(store.count(), KEYS.length)
  await store.close()
})

test('kill -9 at any moment of a rewrite loses nothing that was committed, and leaves no damage', async (t) => {
  await using directory = await temporaryDirectory()
  const newest = new Map<string, number>()
  let next = 0
  let rewrites = 0
  for (let round = 0; round < 8; round++) {
    const writer = forkProcess('log-writer.ts', [directory.path, String(next)], ['--import=tsx'])
    const enough = 60 + round * 23
    const written = new Promise<void>((resolve) => {
      let count = 0
      writer.on('message', (i: number) => {
        newest.set(`key/${i % 50}`, i)
        next = i + 1
        if (++count === enough) resolve()
      })
    })
    await unlessEnded(writer, written)
    writer.kill('SIGKILL')
    await endOf(writer)
    // The killed process may have committed more than it reported.
    next += 1_000
    for (const name of readdirSync(directory.path))
      rewrites = Math.max(rewrites, Number(/^base\.(\d+)$/.exec(name)?.[1] ?? 0))
    const store = await LogRecordStore.open(directory.path)
    const found = contents(store)
    await store.close()
    for (const [key, i] of newest) ok(Number(found[key]) >= i, `${key} is ${found[key]}, and ${i} was committed`)
  }
  t.ok(rewrites > 8, `the log was rewritten ${rewrites} times`)
})

test('an empty file of a log stops the start, and a repair makes it a directory that opens', async (t) => {
  for (const [emptied, records] of [
    ['log.0', 0],
    ['log.1', KEYS.length],
  ] as const) {
    await using directory = await temporaryDirectory()
    await small(directory.path)
    writeFileSync(join(directory.path, emptied), '')
    t.match(await opened(directory.path), { code: 'ERR_DYAD_LOG', message: /too short/ }, emptied)
    const repair = await repairLog(directory.path)
    t.match(repair, { records, unreadableBytes: 0 })
    t.ok(repair.formerFiles, 'the former files are kept')
    t.equal(Object.keys(await opened(directory.path)).length, records, `${emptied} is no obstacle any more`)
  }
})
