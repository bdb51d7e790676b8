import {
  appendFileSync,
  chmodSync,
  chownSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'tap'
import { HeldFiles } from '../../src/consumer/held.js'
import type { FileRecord } from '../../src/kvs/record.js'
import { ManagedDirectory } from '../../src/managed-directory.js'

const record = { generation: 5 } as FileRecord
const looks = ({ local }: { local: string }) => statSync(local, { bigint: true })

test('a file is held as long as it is as it was stored', async (t) => {
  const root = t.testdir({ files: { x: 'content' } })
  const directory = await ManagedDirectory.open(`${root}/files`)
  const file = { path: 'x', local: `${root}/files/x` }
  const stores = await Promise.all(
    ['store space', 'store other'].map((scope) => HeldFiles.open(`${root}/state`, directory, scope)),
  )
  const held = (scope = 'store space') => (scope === 'store space' ? stores[0] : stores[1]) as HeldFiles
  t.equal(held().generation(file), undefined, 'there is no note')
  held().add(file, record, looks(file))
  t.same(held().generation(file), record)
  t.equal(held('store other').generation(file), undefined, 'of another namespace')

  const { atime, mtime } = statSync(file.local)
  writeFileSync(file.local, 'CONTENT')
  utimesSync(file.local, atime, mtime)
  t.equal(held().generation(file), undefined, 'changed, though size and time are the same')
  held().add(file, record, looks(file))
  t.same(held().generation(file), record)
  appendFileSync(file.local, '!')
  t.equal(held().generation(file), undefined, 'grown')
  held().add(file, record, looks(file))
  rmSync(file.local)
  t.equal(held().generation(file), undefined, 'gone')
})

test('a note vouches for the file that was stored, and for no other that took its place', async (t) => {
  const root = t.testdir({ files: { x: 'older', newer: 'newer' } })
  const directory = await ManagedDirectory.open(`${root}/files`)
  const file = { path: 'x', local: `${root}/files/x` }
  const held = await HeldFiles.open(`${root}/state`, directory, 's')
  const other = await HeldFiles.open(`${root}/state`, directory, 's')
  const stored = looks(file)
  renameSync(`${root}/files/newer`, file.local)
  held.add(file, record, stored)
  held.write()
  t.equal(held.generation(file), undefined)
  t.equal(other.generation(file), undefined)
  held.add(file, record, undefined)
  t.equal(held.generation(file), undefined, 'nor is one that is gone')
})

test('notes that others could have made are neither read nor written', async (t) => {
  const root = t.testdir({ files: { x: 'content' } })
  const directory = await ManagedDirectory.open(`${root}/files`)
  const file = { path: 'x', local: `${root}/files/x` }
  const state = `${root}/state`
  const held = await HeldFiles.open(state, directory, 's')
  const other = await HeldFiles.open(state, directory, 's')
  const note = () => {
    held.add(file, record, looks(file))
    held.write()
  }
  note()
  t.same(other.generation(file), record)
  const ways: Record<string, () => void> = { 'others may write there': () => chmodSync(state, 0o777) }
  if (process.getuid?.() === 0) ways['another user has made it'] = () => chownSync(state, 65_534, 65_534)
  for (const [what, change] of Object.entries(ways)) {
    change()
    t.equal(other.generation(file), undefined, what)
    rmSync(`${state}/held`, { recursive: true, force: true })
    note()
    t.same(readdirSync(state), [], what)
    chmodSync(state, 0o700)
  }
  rmSync(state, { recursive: true })
  note()
  t.same(other.generation(file), record, 'a directory that was removed is made anew')
})

test('a note that is none counts for nothing', async (t) => {
  const root = t.testdir({ files: { x: 'content' } })
  const directory = await ManagedDirectory.open(`${root}/files`)
  const file = { path: 'x', local: `${root}/files/x` }
  const held = await HeldFiles.open(`${root}/state`, directory, 's')
  // Another process has not noted it itself.
  const other = await HeldFiles.open(`${root}/state`, directory, 's')
  held.add(file, record, looks(file))
  held.write()
  const [note] = readdirSync(`${root}/state/held`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => `${entry.parentPath}/${entry.name}`) as [string]
  const whole = readlinkSync(note)
  const later = whole.replace(/^2::5:/, '2::6:')
  for (const text of ['x', whole.slice(0, 10), whole.slice(0, -1), `${whole}x`, whole.replace(/^2/, '1')]) {
    rmSync(note)
    symlinkSync(text, note)
    t.equal(other.generation(file), undefined, text)
  }
  rmSync(note)
  writeFileSync(note, whole)
  t.equal(other.generation(file), undefined, 'a file where the note should be')
  held.add(file, { generation: 6 } as FileRecord, looks(file))
  held.write()
  t.equal(readlinkSync(note), later, 'it is written over')
  t.same(other.generation(file), { generation: 6 })
})

test('a note tells the epoch of the store that gave the generation', async (t) => {
  const root = t.testdir({ files: { x: 'content' } })
  const directory = await ManagedDirectory.open(`${root}/files`)
  const file = { path: 'x', local: `${root}/files/x` }
  const held = await HeldFiles.open(`${root}/state`, directory, 's')
  const other = await HeldFiles.open(`${root}/state`, directory, 's')
  const longest = { generation: Number.MAX_SAFE_INTEGER, epoch: 'x_-Y0123' } as FileRecord
  held.add(file, longest, looks(file))
  held.write()
  t.strictSame(held.generation(file), { ...longest })
  t.strictSame(other.generation(file), { ...longest }, 'also to another process')
  const [note] = readdirSync(`${root}/state/held`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => readlinkSync(`${entry.parentPath}/${entry.name}`)) as [string]
  t.ok(note.length < 60, 'it lies in the inode itself')
})
