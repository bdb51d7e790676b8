import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, open, realpath, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { type FileVersion, isDyadError, ManagedSource } from '../../src/index.js'

async function directory(): Promise<{ root: string; storage: string } & AsyncDisposable> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'dyad-source-')))
  const storage = join(root, 'managed')
  await mkdir(storage)
  await writeFile(join(root, 'secret'), 'secret')
  return { root, storage, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

async function write(storage: string, path: string, text: string): Promise<FileVersion> {
  const file = join(storage, path)
  await writeFile(file, text)
  await utimes(file, 1000, 1000)
  const { size, mtimeNs } = await stat(file, { bigint: true })
  return { storage, path, size: Number(size), mtimeNs }
}

test('directories are resolved, and must be directories', async (t) => {
  await using made = await directory()
  await symlink(made.storage, join(made.root, 'alias'))
  const source = await ManagedSource.open([join(made.root, 'alias')])
  const { dev, ino } = await stat(made.storage, { bigint: true })
  t.same(source.directories, [{ path: made.storage, dev, ino }])
  await t.rejects(ManagedSource.open([join(made.root, 'missing')]))
  await t.rejects(ManagedSource.open([join(made.root, 'secret')]), { code: 'ERR_DYAD_OPTION' })
})

test('reads the version asked for', async (t) => {
  await using made = await directory()
  const source = await ManagedSource.open([made.storage])
  await using file = await source.open(await write(made.storage, 'a', 'hello'))
  const buffer = Buffer.alloc(10)
  t.equal(await file.read(buffer, 0), 5)
  t.equal(buffer.toString('latin1'), 'hello\0\0\0\0\0')
  t.equal(await file.read(buffer.subarray(0, 2), 3), 2)
  t.equal(buffer.toString('latin1', 0, 2), 'lo')
  t.equal(await file.read(buffer, 5), 0)
  t.equal(await file.read(buffer, 50), 0)
  await file.verify()
  await file.close()
  await file.close()
})

test('a file that is moved, replaced or removed while it is open is still that version', async (t) => {
  await using made = await directory()
  const source = await ManagedSource.open([made.storage])
  await using file = await source.open(await write(made.storage, 'a', 'hello'))
  await rename(join(made.storage, 'a'), join(made.storage, 'b'))
  await file.verify()
  await write(made.storage, 'c', 'other')
  await rename(join(made.storage, 'c'), join(made.storage, 'b'))
  await file.verify()
  const buffer = Buffer.alloc(5)
  await file.read(buffer, 0)
  t.equal(buffer.toString(), 'hello')
})

test('a file that is written to while it is open is not', async (t) => {
  await using made = await directory()
  const source = await ManagedSource.open([made.storage])
  const version = await write(made.storage, 'a', 'hello')
  await using file = await source.open(version)
  const writer = await open(join(made.storage, 'a'), 'r+')
  await writer.write('HELLO', 0)
  await t.rejects(file.verify(), { code: 'ERR_DYAD_CHANGED', path: 'a' })
  await writer.truncate(2)
  await t.rejects(file.read(Buffer.alloc(5), 0), { code: 'ERR_DYAD_CHANGED', path: 'a' })
  await writer.close()
  await t.rejects(source.open(version), { code: 'ERR_DYAD_CHANGED', path: 'a' })
})

test('what is not a regular file below the directory is refused', async (t) => {
  await using made = await directory()
  const { root, storage } = made
  const source = await ManagedSource.open([storage])
  const version = await write(storage, 'a', 'secret')
  await mkdir(join(storage, 'folder'))
  await mkdir(`${storage}-beside`)
  await writeFile(`${storage}-beside/file`, 'secret')
  execFileSync('mkfifo', [join(storage, 'fifo')])
  await symlink(join(root, 'secret'), join(storage, 'out'))
  await symlink(root, join(storage, 'up'))
  await symlink('/dev/zero', join(storage, 'device'))
  await symlink('fifo', join(storage, 'to-fifo'))
  await symlink('a', join(storage, 'inside'))
  const refused = [
    '../secret',
    '../managed-beside/file',
    `${root}/secret`,
    'out',
    'up/secret',
    'device',
    'fifo',
    'to-fifo',
  ]
  const malformed = ['', '.', '..', 'a/', '/a', './a', 'folder/../a', 'folder//a', 'a\0', '\ud800', 'x'.repeat(256)]
  for (const path of [...refused, ...malformed, 'folder', 'é'.repeat(128), `${'a/'.repeat(1900)}b`]) {
    await t.rejects(source.open({ ...version, path }), { code: 'ERR_DYAD_REFUSED', path }, JSON.stringify(path))
  }
  for (const storage of [root, '/', '', `${made.storage}/`, `${made.storage}/folder`]) {
    await t.rejects(source.open({ ...version, storage }), { code: 'ERR_DYAD_REFUSED' }, storage)
  }
  for (const path of [7, null, undefined, ['a']] as unknown[]) {
    await t.rejects(source.open({ ...version, path: path as string }), { code: 'ERR_DYAD_REFUSED' }, String(path))
  }
  for (const path of ['missing', 'a/below', 'missing/below']) {
    await t.rejects(source.open({ ...version, path }), { code: 'ERR_DYAD_GONE', path }, path)
  }
  await (await source.open({ ...version, path: 'inside' })).close()
})

test('a parent that is swapped for a way out never lets another file through', async (t) => {
  await using made = await directory()
  const { root, storage } = made
  await mkdir(join(storage, 'folder'))
  await mkdir(join(root, 'elsewhere'))
  const version = await write(storage, 'folder/a', 'inside')
  await write(root, 'elsewhere/a', 'escape')
  await symlink(join(root, 'elsewhere'), join(storage, 'link'))
  const source = await ManagedSource.open([storage])
  let swapping = true
  const swap = (async () => {
    while (swapping) {
      await rename(join(storage, 'folder'), join(storage, 'aside'))
      await rename(join(storage, 'link'), join(storage, 'folder'))
      await rename(join(storage, 'folder'), join(storage, 'link'))
      await rename(join(storage, 'aside'), join(storage, 'folder'))
    }
  })()
  for (let i = 0; i < 3000; i++) {
    try {
      await using file = await source.open(version)
      const buffer = Buffer.alloc(6)
      await file.read(buffer, 0)
      if (buffer.toString() !== 'inside') t.fail('escaped')
    } catch (error) {
      if (!isDyadError(error, 'ERR_DYAD_GONE') && !isDyadError(error, 'ERR_DYAD_REFUSED')) throw error
    }
  }
  swapping = false
  await swap
  await (await source.open(version)).close()
})

test('a descriptor stays what it is while it is read, and is used no more after that', async (t) => {
  await using made = await directory()
  const source = await ManagedSource.open([made.storage])
  const text = 'x'.repeat(300_000)
  const file = await source.open(await write(made.storage, 'large', text))
  const descriptor = `/proc/self/fd/${file.fd}`
  const buffer = Buffer.alloc(text.length)
  const reading = file.read(buffer, 0)
  const closing = file.close()
  t.equal(readlinkSync(descriptor), join(made.storage, 'large'), 'open until it has been read')
  t.equal(await reading, text.length)
  t.equal(buffer.toString('latin1'), text)
  await closing
  await t.rejects(file.read(buffer, 0), { code: 'ERR_DYAD_CLOSED' })
  await t.rejects(file.verify(), { code: 'ERR_DYAD_CLOSED' })
  t.throws(() => file.fd, { code: 'ERR_DYAD_CLOSED' })
})
