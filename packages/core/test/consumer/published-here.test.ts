import fs, { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { comesInSight } from '../../src/consumer/published-here.js'
import type { FileRecord } from '../../src/kvs/record.js'
import { ManagedDirectory } from '../../src/managed-directory.js'
import { Patience } from '../../src/transfer/patience.js'
import { ManagedSource } from '../../src/transfer/source.js'

const { signal } = new AbortController()
const O_PATH = 0o10000000

/** What the caches of a client of network storage hold, by absolute path. */
interface Caches {
  /** Directories without their latest names, until somebody reads them. */
  readonly directories: Set<string>
  /** Files with their former size, until somebody opens them. */
  readonly files: Set<string>
}

/**
 * Lets the system calls of this process answer as from such caches until the test ends. A local
 * file system has none.
 */
function withCaches(t: Test, { directories, files }: Caches): void {
  const { openSync, opendirSync, statSync } = fs
  const { opendir } = fs.promises
  const isHidden = (path: unknown) => {
    for (let at = String(path); at !== dirname(at); at = dirname(at)) if (directories.has(dirname(at))) return true
    return false
  }
  const look = (path: unknown) => {
    if (isHidden(path)) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  }
  fs.openSync = (path, flags, mode) => {
    look(path)
    const fd = openSync(path, flags, mode)
    const isOfFile = typeof flags !== 'number' || (flags & O_PATH) === 0
    if (isOfFile) files.delete(fs.readlinkSync(`/proc/self/fd/${fd}`))
    return fd
  }
  const statInCache = (path: string, options?: fs.StatSyncOptions) => {
    look(path)
    const stats = statSync(path, options)
    if (files.has(path) && stats !== undefined) stats.size = typeof stats.size === 'bigint' ? 0n : 0
    return stats
  }
  Object.assign(fs, { statSync: statInCache })
  fs.opendirSync = (path, options) => {
    look(path)
    directories.delete(String(path))
    return opendirSync(path, options)
  }
  fs.promises.opendir = async (path, options) => {
    look(path)
    directories.delete(String(path))
    return opendir(path, options)
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    Object.assign(fs, { openSync, opendirSync, statSync })
    fs.promises.opendir = opendir
    syncBuiltinESMExports()
  })
}

/** A file that stands in a managed directory, with its record. */
async function published(t: Test) {
  const directory = await ManagedDirectory.open(t.testdir())
  const file = directory.file('run/1/x')
  mkdirSync(dirname(file.local), { recursive: true })
  writeFileSync(file.local, 'published')
  const { mtimeNs } = statSync(file.local, { bigint: true })
  const record: FileRecord = {
    path: file.path,
    owner: 'A',
    size: 9,
    mtimeNs,
    mode: 0o644,
    storage: directory.real,
    generation: 1,
  }
  const comes = () => comesInSight(directory.real, file, record, new Patience(500), signal)
  return { root: directory.real, file, record, comes }
}

const skip = process.platform !== 'linux' && 'the descriptors of this system have no paths'

test('a name that a cache lacks comes in sight as its directory is read', { skip }, async (t) => {
  const { root, file, comes } = await published(t)
  withCaches(t, { directories: new Set([root, join(root, 'run'), join(root, 'run/1')]), files: new Set() })
  t.throws(() => statSync(file.local), { code: 'ENOENT' }, 'looking again and again does not help')
  t.equal(await comes(), true)
})

test('a size that a cache keeps is not believed: the file is opened', { skip }, async (t) => {
  const { file, comes } = await published(t)
  withCaches(t, { directories: new Set(), files: new Set([file.local]) })
  t.equal(statSync(file.local).size, 0, 'looking again and again does not help')
  t.equal(await comes(), true)
})

test('a service reads the directories before it says that a file is gone', { skip }, async (t) => {
  const { root, record } = await published(t)
  const source = await ManagedSource.open([root])
  withCaches(t, { directories: new Set([join(root, 'run'), join(root, 'run/1')]), files: new Set() })
  await using opened = await source.open(record)
  t.equal(opened.realPath, join(root, 'run/1/x'))
})
