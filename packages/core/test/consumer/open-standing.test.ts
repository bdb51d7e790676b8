import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type Test, test } from 'tap'
import { HeldFiles } from '../../src/consumer/held.js'
import { openRemembered, openStored } from '../../src/consumer/open-standing.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import type { FileRecord } from '../../src/kvs/record.js'
import { ManagedDirectory } from '../../src/managed-directory.js'

const record = { path: 'x', owner: 'A', size: 7, mode: 0o644, generation: 5, epoch: 'one' } as FileRecord

async function site(t: Test) {
  const root = t.testdir()
  mkdirSync(`${root}/managed`)
  const directory = await ManagedDirectory.open(`${root}/managed`)
  const held = await HeldFiles.open(`${root}/state`, directory, 'store')
  const parents = new StoringParents(directory.real)
  const file = directory.file('x')
  const enter = () => parents.enter(directory.real)[Symbol.dispose]()
  enter()
  const store = () => {
    writeFileSync(file.local, 'content')
    held.remember(file, record, statSync(file.local, { bigint: true }))
  }
  store()
  /** What is read from what this process remembers; undefined if that does not stand there. */
  const remembered = (changed: Partial<FileRecord> = {}) => {
    const fd = openRemembered(file, { ...record, ...changed }, held, parents)
    try {
      return fd === undefined ? undefined : readFileSync(fd, 'utf8')
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }
  return { root: directory.real, file, parents, enter, store, remembered }
}

test('a file is opened at once as long as it is the one that this process stored', async (t) => {
  const { root, file, enter, store, remembered } = await site(t)
  t.equal(remembered(), 'content')
  t.equal(remembered({ generation: 6 }), undefined, 'another version is asked for')
  t.equal(remembered({ epoch: 'two' }), undefined, 'a version of another store')
  const changes: Record<string, () => void> = {
    'another file took its place': () => {
      writeFileSync(`${root}/other`, 'CONTENT')
      renameSync(`${root}/other`, file.local)
    },
    grown: () => appendFileSync(file.local, '!'),
    gone: () => rmSync(file.local),
    'a pipe': () => execFileSync('mkfifo', [file.local]),
    'a directory': () => mkdirSync(file.local),
  }
  for (const mode of [0o755, 0o777]) {
    chmodSync(root, mode)
    enter()
    for (const [what, change] of Object.entries(changes)) {
      rmSync(file.local, { recursive: true, force: true })
      store()
      t.equal(remembered(), 'content')
      if (what.startsWith('a ')) rmSync(file.local)
      change()
      t.equal(remembered(), undefined, what)
    }
  }
})

test('the very file that was stored is opened, whatever took its name', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const { root, file, parents } = await site(t)
  const fd = openSync(file.local, 'r')
  t.teardown(() => closeSync(fd))
  const stored = statSync(file.local, { bigint: true })
  const opened = () => {
    const reopened = openStored(file.local, fd, stored, parents)
    try {
      return readFileSync(reopened, 'utf8')
    } finally {
      closeSync(reopened)
    }
  }
  t.equal(opened(), 'content')
  writeFileSync(`${root}/other`, 'CONTENT')
  renameSync(`${root}/other`, file.local)
  t.equal(opened(), 'content')
  rmSync(file.local)
  t.equal(opened(), 'content')
})
