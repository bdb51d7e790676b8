import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'tap'
import type { Arrival } from '../../src/consumer/arrival.js'
import { IncomingFile } from '../../src/consumer/incoming-file.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import type { FileRecord } from '../../src/kvs/record.js'

const bytes = Buffer.from('content')
const record = { path: 'x', owner: 'A', size: bytes.length, mode: 0o640, generation: 5 } as FileRecord
const nobody = () => {}
const begin = (target: string, onArrival: (arrival: Arrival) => void = nobody) =>
  IncomingFile.beside(
    target,
    { temporaries: new Temporaries(), pace: new DiskPace(), parents: new StoringParents(dirname(target)) },
    record,
    onArrival,
  )

const always = { permitted: async () => {}, isPermitted: true }

test('a filled file is placed where nothing stands', async (t) => {
  const root = t.testdir()
  const stored: number[] = []
  {
    await using incoming = begin(`${root}/new/x`, (arrival) => stored.push(arrival.stored))
    incoming.fill(bytes)
    t.match(readdirSync(`${root}/new`), [/^\.dyad-/], 'until then it is a temporary one')
    const permitted = () => Promise.reject(new Error('nobody asks where nothing stands'))
    await incoming.putInPlace({ permitted, isPermitted: true })
  }
  t.strictSame(readdirSync(`${root}/new`), ['x'])
  t.strictSame(readFileSync(`${root}/new/x`), bytes)
  t.equal(statSync(`${root}/new/x`).mode & 0o7777, 0o640)
  t.equal(statSync(`${root}/new/x`).nlink, 1)
  t.strictSame(stored, [7])
})

test('what stands there is replaced only once it may be', async (t) => {
  const root = t.testdir({ x: 'older' })
  const refused = new Error('there is a newer one')
  {
    await using incoming = begin(`${root}/x`)
    incoming.fill(bytes)
    await t.rejects(incoming.putInPlace({ permitted: () => Promise.reject(refused), isPermitted: true }), refused)
  }
  t.equal(readFileSync(`${root}/x`, 'utf8'), 'older')
  t.strictSame(readdirSync(root), ['x'])
  {
    await using incoming = begin(`${root}/x`)
    incoming.fill(bytes)
    const permitted = async () => {
      t.equal(readFileSync(`${root}/x`, 'utf8'), 'older')
    }
    await incoming.putInPlace({ permitted, isPermitted: true })
  }
  t.strictSame(readFileSync(`${root}/x`), bytes)
  rmSync(`${root}/x`)
  await using incoming = begin(`${root}/x`)
  incoming.fill(bytes)
  const permitted = () => Promise.reject(new Error('nobody asks where nothing stands'))
  await incoming.putInPlace({ permitted, isPermitted: true })
  t.strictSame(readdirSync(root), ['x'])
})

test('who lost its permission asks again: before it replaces anything, and after it may have', async (t) => {
  const root = t.testdir({ x: 'older' })
  const seen: string[] = []
  const permitted = async () => {
    seen.push(readFileSync(`${root}/x`, 'utf8'))
  }
  // Lost at the first look, held at the second, lost again at the third, which follows the rename.
  const looks = [false, true, false]
  await using incoming = begin(`${root}/x`)
  incoming.fill(bytes)
  await incoming.putInPlace({
    permitted,
    get isPermitted() {
      return looks.shift() ?? true
    },
  })
  t.same(seen, ['older', 'older', 'content'])
})

test('what a file looks like is told of itself, whatever took its place', async (t) => {
  const root = t.testdir({ x: 'older', other: 'of another process' })
  await using incoming = begin(`${root}/x`)
  incoming.fill(bytes)
  await incoming.putInPlace(always)
  t.equal(incoming.stats()?.ino, statSync(`${root}/x`, { bigint: true }).ino)
  renameSync(`${root}/other`, `${root}/x`)
  t.not(incoming.stats()?.ino, statSync(`${root}/x`, { bigint: true }).ino)
})

test('a file that is not whole is not placed, and one that cannot be is an error; neither leaves anything', async (t) => {
  const root = t.testdir()
  {
    await using incoming = begin(`${root}/x`)
    incoming.fill(bytes.subarray(1))
    await t.rejects(incoming.putInPlace(always), { code: 'ERR_DYAD_STORE', message: /6 of 7 bytes/ })
  }
  t.strictSame(readdirSync(root), [])
  writeFileSync(`${root}/file`, '')
  t.throws(() => begin(`${root}/file/x`), { code: 'ERR_DYAD_STORE' })
  if (process.getuid?.() === 0) return
  mkdirSync(`${root}/closed`)
  chmodSync(`${root}/closed`, 0o500)
  t.throws(() => begin(`${root}/closed/x`), { code: 'ERR_DYAD_STORE' })
})
