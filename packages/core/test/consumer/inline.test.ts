import {
  chmodSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { type Test, test } from 'tap'
import { HeldFiles } from '../../src/consumer/held.js'
import { type InlinePlace, placeInline } from '../../src/consumer/inline.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import type { FileRecord } from '../../src/kvs/record.js'
import { ManagedDirectory } from '../../src/managed-directory.js'

const bytes = Buffer.from('content')
const record = { path: 'below/x', owner: 'A', size: bytes.length, mode: 0o640, generation: 5 } as FileRecord

interface Site {
  readonly root: string
  readonly place: InlinePlace
  /** Places the bytes of a record at its path, before they are asked for. */
  placed(changed?: Partial<FileRecord>, content?: Uint8Array): ReturnType<typeof placeInline>
}

async function site(t: Test, temporaries = new Temporaries()): Promise<Site> {
  const root = t.testdir({ managed: {} })
  const directory = await ManagedDirectory.open(`${root}/managed`)
  const held = await HeldFiles.open(`${root}/state`, directory, 'store')
  t.teardown(() => held.write())
  const parents = new StoringParents(directory.real)
  const place = { temporaries, pace: new DiskPace(), parents, held, giveWay: true }
  const placed = (changed: Partial<FileRecord> = {}, content = bytes) =>
    placeInline(directory.file(record.path), { ...record, ...changed }, content, place)
  return { root: directory.real, place, placed }
}

/** Another process that sweeps between the making of a file that is not locked and its link. */
class Swept extends Temporaries {
  sweeps = 0

  override createUnlocked(...args: Parameters<Temporaries['createUnlocked']>) {
    const temporary = super.createUnlocked(...args)
    if (this.sweeps++ === 0) unlinkSync(temporary.path)
    return temporary
  }
}

test('bytes are stored where nothing stands, with the published permissions, and nothing beside them', async (t) => {
  const { root, placed } = await site(t)
  for (const mode of [0o640, 0o400, 0o000]) {
    t.equal(placed({ mode }), 'stored')
    t.equal(statSync(`${root}/below/x`).mode & 0o7777, mode)
    t.equal(statSync(`${root}/below/x`).nlink, 1)
    t.strictSame(readdirSync(`${root}/below`), ['x'])
    chmodSync(`${root}/below/x`, 0o600)
    t.strictSame(readFileSync(`${root}/below/x`), bytes)
    rmSync(`${root}/below/x`)
  }
})

test('a sweep that comes between the making of a file and its link costs a second try', async (t) => {
  const temporaries = new Swept()
  const { root, placed } = await site(t, temporaries)
  t.equal(placed(), 'stored')
  t.equal(temporaries.sweeps, 2, 'the second one is locked')
  t.strictSame(readdirSync(`${root}/below`), ['x'])
  t.strictSame(readFileSync(`${root}/below/x`), bytes)
})

test('what stands there is the file by its bytes, or as what this process put there, and is never replaced', async (t) => {
  const { root, place, placed } = await site(t)
  t.equal(placed(), 'stored')
  t.equal(placed(), 'stands')
  const other = { ...place, held: { ...place.held, isRemembered: () => false } as unknown as HeldFiles }
  t.equal(placeInline(file(root), record, bytes, other), 'stands', 'another process sees its bytes')
  // As long, and with the same time of modification.
  const { atime, mtime } = statSync(`${root}/below/x`)
  writeFileSync(`${root}/below/x`, 'CONTENT')
  utimesSync(`${root}/below/x`, atime, mtime)
  t.equal(placed(), undefined)
  t.equal(readFileSync(`${root}/below/x`, 'utf8'), 'CONTENT')
  t.strictSame(readdirSync(`${root}/below`), ['x'])
})

test('who opens a file that is stored now is given it by its descriptor', async (t) => {
  const { root, place } = await site(t)
  const inodes: bigint[] = []
  const onStored = (fd: number) => inodes.push(fstatSync(fd, { bigint: true }).ino)
  for (const expected of ['stored', 'stands']) {
    t.equal(placeInline(file(root), record, bytes, place, onStored), expected)
    t.strictSame(inodes, [statSync(`${root}/below/x`, { bigint: true }).ino])
  }
  const failed = Object.assign(new Error('no descriptor is free'), { code: 'EMFILE' })
  rmSync(`${root}/below/x`)
  const refuse = () => {
    throw failed
  }
  t.throws(() => placeInline(file(root), record, bytes, place, refuse), { code: 'ERR_DYAD_STORE', cause: failed })
  t.strictSame(readdirSync(`${root}/below`), ['x'], 'it stands there for the next try')
})

test('a newer generation with other bytes is not taken for what was put there before', async (t) => {
  const { root, placed } = await site(t)
  t.equal(placed(), 'stored')
  t.equal(placed({ generation: 6 }, Buffer.from('CONTENT')), undefined)
  t.equal(placed({ epoch: 'another' }, Buffer.from('CONTENT')), undefined)
  t.equal(placed({ generation: 6 }), 'stands', 'the same bytes anew')
  t.strictSame(readFileSync(`${root}/below/x`), bytes)
})

test('where the umask takes a permission, the note says that the file is held', async (t) => {
  const former = process.umask(0o077)
  t.teardown(() => process.umask(former))
  const { root, place, placed } = await site(t)
  t.equal(placed(), 'stored')
  t.equal(statSync(`${root}/below/x`).mode & 0o777, 0o600)
  t.match(place.held.generation(file(root)), { generation: 5 })
})

test('bytes that came with a record are not stored where a link leads out of the directory', async (t) => {
  const { root, placed } = await site(t)
  mkdirSync(`${root}/../outside`)
  symlinkSync('../outside', `${root}/below`)
  t.throws(placed, { code: 'ERR_DYAD_STORE', message: /a link leads its directory out of the managed one/ })
  t.strictSame(readdirSync(`${root}/../outside`), [])
})

test('what cannot be stored is an error that names the file', async (t) => {
  const { root, placed } = await site(t)
  writeFileSync(`${root}/below`, '')
  t.throws(placed, { code: 'ERR_DYAD_STORE', path: `${root}/below/x` })
})

function file(root: string) {
  return { path: record.path, local: `${root}/${record.path}` }
}
