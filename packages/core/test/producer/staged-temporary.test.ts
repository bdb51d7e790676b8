import { fork, spawnSync } from 'node:child_process'
import fs, { chmodSync, closeSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { endOf, messageFrom } from '../../../../test/harness/child.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import { StagedTemporary } from '../../src/producer/staged-temporary.js'

/** The directory, entered. */
const parentOf = (directory: string) => new StoringParents(directory).enter(directory)

const program = fileURLToPath(new URL('staged-temporary-process.ts', import.meta.url))

async function sweep(directory: string): Promise<void> {
  const temporaries = new Temporaries()
  const { path, fd } = temporaries.create(`${directory}/swept`, 0o600)
  await temporaries.settled()
  temporaries.remove(path)
  closeSync(fd)
}

test('what is staged is kept from sweeps even when its writer has closed it, until its process ends', async (t) => {
  const root = t.testdir()
  for (const ends of [false, true]) {
    const child = fork(program, [`${root}/x`, '644'], {
      execArgv: ['--import=tsx'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    t.teardown(() => child.kill('SIGKILL'))
    await messageFrom(child)
    await sweep(root)
    t.equal(readdirSync(root).filter((name) => name.startsWith('.dyad-')).length, 1)
    if (ends) {
      child.kill('SIGKILL')
      await endOf(child)
    } else {
      child.send('place')
      await messageFrom(child)
    }
    await sweep(root)
    t.same(readdirSync(root), ['x'], ends ? 'the dead one is gone' : 'it is in its place')
    t.equal(readFileSync(`${root}/x`, 'utf8'), 'content')
  }
})

test('a file has the permissions that it was opened with, whether they let its owner write or not', async (t) => {
  const root = t.testdir()
  const umask = process.umask()
  for (const mode of [0o666, 0o600, 0o444, 0o200, 0]) {
    const staged = new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, mode, undefined)
    t.equal(statSync(staged.path).mode & 0o600, 0o600, 'while it is written')
    staged.place(false)
    t.equal(statSync(`${root}/x`).mode & 0o7777, mode & ~umask)
  }
  const staged = new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, 0o444, undefined)
  chmodSync(staged.path, 0o640)
  staged.place(false)
  t.equal(statSync(`${root}/x`).mode & 0o7777, 0o640, 'what the writer made of it stays')
  const existing = statSync(`${root}/x`)
  const over = new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, 0o666, existing)
  t.equal(statSync(over.path).mode & 0o7777, 0o640, 'what stands there has its permissions kept')
  over.discard()
  over.discard()
  t.same(readdirSync(root), ['x'])
})

test('a file system that may report a failed write as a file is closed has its writer close its own', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'dyad-lent-'))
  const { statfsSync } = fs
  t.teardown(() => {
    Object.assign(fs, { statfsSync })
    syncBuiltinESMExports()
    rmSync(root, { recursive: true })
  })
  const lent = (type?: number) => {
    const answer = () => {
      if (type === undefined) throw new Error('it cannot tell')
      return { type }
    }
    Object.assign(fs, { statfsSync: answer })
    syncBuiltinESMExports()
    const staged = new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, 0o666, undefined)
    staged.discard()
    return typeof staged.fd === 'number'
  }
  t.strictSame([0xef53, 0x01021994].map(lent), [true, true], 'ext4 and tmpfs')
  t.strictSame([0x6969, 0x0bd00bd0, 0x65735546].map(lent), [false, false, false], 'NFS, Lustre and FUSE')
  t.equal(lent(), false)
  t.end()
})

const isRoot = process.getuid?.() === 0
test('one who is not root may write a file that is read-only', { skip: !isRoot && 'this user is not root' }, (t) => {
  const root = mkdtempSync(join(tmpdir(), 'dyad-staged-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  chmodSync(root, 0o777)
  const command = ['-u', 'NODE_OPTIONS', 'setpriv', '--reuid=65534', '--clear-groups', process.execPath, '--import=tsx']
  const { stderr } = spawnSync('env', [...command, program, `${root}/x`, '444'], { encoding: 'utf8' })
  t.equal(stderr, '')
  t.equal(readFileSync(`${root}/x`, 'utf8'), 'content')
  t.equal(statSync(`${root}/x`).mode & 0o7777, 0o444)
  t.end()
})

test('its descriptor is closed when it is in place, discarded, or cannot be placed', (t) => {
  const root = t.testdir({ d: {} })
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, 0o666, undefined).place(true)
  new StagedTemporary(new Temporaries(), parentOf(root), `${root}/y`, 0o666, undefined).discard()
  const taken = new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, 0o666, undefined)
  t.throws(() => taken.place(true), { code: 'EEXIST' })
  taken.discard()
  t.equal(open(), before)
  t.same(readdirSync(root).sort(), ['d', 'x'])
  t.end()
})

test('what others append once a file is in its place is not taken for what was written', async (t) => {
  const { renameSync, linkSync } = fs
  t.teardown(() => {
    Object.assign(fs, { renameSync, linkSync })
    syncBuiltinESMExports()
  })
  const thenAppend = (put: typeof renameSync) => (from: fs.PathLike, to: fs.PathLike) => {
    put(from, to)
    fs.appendFileSync(to, ' and more')
  }
  Object.assign(fs, { renameSync: thenAppend(renameSync), linkSync: thenAppend(linkSync) })
  syncBuiltinESMExports()
  for (const isExclusive of [false, true]) {
    const root = mkdtempSync(join(tmpdir(), 'dyad-appended-'))
    t.teardown(() => rmSync(root, { recursive: true }))
    const staged = new StagedTemporary(new Temporaries(), parentOf(root), `${root}/x`, 0o666, undefined)
    fs.writeFileSync(staged.path, 'written')
    const { looks, bytes } = staged.place(isExclusive, 100)
    t.equal(readFileSync(`${root}/x`, 'utf8'), 'written and more')
    t.equal(looks.size, 7n)
    t.equal(String(bytes), 'written')
  }
})
