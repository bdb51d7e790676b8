import { chmodSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { digestOf } from '../../src/files/digest.js'
import { ManagedDirectory } from '../../src/managed-directory.js'
import { type DescribeContext, describe, type WrittenFile } from '../../src/producer/describe.js'

/** A file that stands at its path, and what its writer knows of it. */
async function site(root: string, context: Partial<DescribeContext> = {}) {
  const directory = await ManagedDirectory.open(root)
  const file = directory.file('x')
  writeFileSync(file.local, 'written')
  const bytes = Buffer.from('written')
  const looks = statSync(file.local, { bigint: true })
  // No reader would find this digest: it tells whether the file was read again.
  const digest = { algorithm: 'crc32', value: '00000000' }
  const written: WrittenFile = { digest, looks, bytes }
  const options = { node: 'A', directory, fsync: false, inlineLimit: 100, digestLimit: 100, ...context }
  return {
    file,
    written,
    describe: (known = written, isFresh = false) =>
      describe(file, options, known, new AbortController().signal, isFresh),
  }
}

test('a file that stands as it was written is not read again', async (t) => {
  for (const context of [{}, { inlineLimit: 0 }, { inlineLimit: 3 }, { fsync: true }]) {
    const { written, describe } = await site(t.testdir(), context)
    const { published, looks } = await describe()
    t.match(published, { path: 'x', owner: 'A', size: 7, digest: written.digest }, JSON.stringify(context))
    t.equal(looks.ino, written.looks.ino)
    const inline = (context.inlineLimit ?? 100) >= 7 ? 'written' : undefined
    t.equal(published.inline && Buffer.from(published.inline).toString(), inline)
  }
})

test('a file that was put in place just now is not looked at, unless its bytes are missing', async (t) => {
  const { file, written, describe } = await site(t.testdir())
  writeFileSync(file.local, 'another')
  t.match((await describe(written, true)).published, { digest: written.digest, inline: Buffer.from('written') })
  t.match((await describe({ ...written, bytes: undefined }, true)).published, { inline: Buffer.from('another') })
  const synced = await site(t.testdir(), { fsync: true })
  t.match((await synced.describe(synced.written, true)).published, { digest: written.digest })
})

test('a file that does not stand as it was written is described as it stands', async (t) => {
  const changes: Record<string, (local: string) => void> = {
    'another file': (local) => {
      writeFileSync(`${local}.new`, 'another')
      renameSync(`${local}.new`, local)
    },
    'other bytes': (local) => writeFileSync(local, 'another'),
  }
  for (const [what, change] of Object.entries(changes)) {
    const { file, describe } = await site(t.testdir())
    change(file.local)
    const { published } = await describe()
    t.match(published, { digest: digestOf(Buffer.from('another')), inline: Buffer.from('another') }, what)
  }
  const { file, describe } = await site(t.testdir())
  chmodSync(file.local, 0o600)
  t.equal((await describe()).published.mode, 0o600, 'other permissions')
})

test('a small file whose bytes its writer does not know is read for its record', async (t) => {
  const { written, describe } = await site(t.testdir())
  const { published } = await describe({ ...written, bytes: undefined })
  t.match(published.inline, Buffer.from('written'))
})

test('an abort ends the reading of a large file for its digest', async (t) => {
  const directory = await ManagedDirectory.open(t.testdir())
  const file = directory.file('x')
  writeFileSync(file.local, Buffer.alloc(100_000))
  const options = { node: 'A', directory, fsync: false, inlineLimit: 0, digestLimit: Number.MAX_SAFE_INTEGER }
  t.ok((await describe(file, options, undefined, new AbortController().signal)).published.digest)
  const aborted = AbortSignal.abort(new RangeError('enough'))
  await t.rejects(async () => describe(file, options, undefined, aborted), { message: 'enough' })
})
