import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { digestOf } from '../../src/files/digest.js'
import type { KvsNamespace } from '../../src/kvs/contract.js'
import { decodeRecord, type FileRecord } from '../../src/kvs/record.js'
import { ManagedDirectory } from '../../src/managed-directory.js'
import { type PublishContext, type Publishing, publish } from '../../src/producer/publish.js'

interface Teardown {
  teardown(work: () => unknown): void
}

/**
 * A file, and a store that does something else with that file just before it stores its record for
 * the n-th time.
 */
async function site(t: Teardown, meanwhile: (local: string, put: number) => void, sharedStorage = false) {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-publish-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const managed = await ManagedDirectory.open(directory)
  const file = managed.file('x')
  writeFileSync(file.local, 'first')
  const stored: FileRecord[] = []
  const put: KvsNamespace['put'] = async (key, value) => {
    meanwhile(file.local, stored.length + 1)
    const revision = stored.length + 1
    stored.push(decodeRecord({ key, value, revision }, file.path))
    return { revision }
  }
  const context: PublishContext = {
    node: 'A',
    directory: managed,
    fsync: false,
    sharedStorage,
    inlineLimit: 1_024,
    digestLimit: 65_536,
    namespace: () => ({ put }) as unknown as KvsNamespace,
    key: (path) => path,
  }
  const never = new AbortController().signal
  return { file, stored, publish: (signal = never, known?: Publishing) => publish(file, context, signal, known) }
}

function replaceBy(local: string, text: string): void {
  writeFileSync(`${local}.new`, text)
  renameSync(`${local}.new`, local)
}

for (const sharedStorage of [false, true]) {
  const where = sharedStorage ? ' on shared storage' : ''
  test(`a file that is replaced while its record is stored is published again${where}`, async (t) => {
    const replace = (local: string, put: number) => put <= 3 && replaceBy(local, `after ${put}`)
    const { stored, publish } = await site(t, replace, sharedStorage)
    const record = await publish()
    t.equal(stored.length, 4)
    t.match(record, { size: 7, generation: 4 })
    t.equal(Buffer.from(record.inline ?? []).toString(), 'after 3', 'what stands there')
  })
}

test('a file that was put in place just now is looked at once its record is stored', async (t) => {
  const { file, stored, publish } = await site(t, (local, put) => put === 1 && replaceBy(local, 'another'))
  const looks = statSync(file.local, { bigint: true })
  const bytes = Buffer.from('first')
  const written = { digest: digestOf(bytes), looks, bytes }
  const record = await publish(undefined, { written, isFresh: true })
  t.match(stored, [{ inline: bytes }, { inline: Buffer.from('another') }])
  t.match(record, { size: 7, generation: 2 })
})

test('a file of the same size that is written in its place is noticed, too', async (t) => {
  const { stored, publish } = await site(t, (local, put) => {
    if (put === 1) writeFileSync(local, 'other', { flag: 'r+' })
  })
  const record = await publish()
  t.equal(stored.length, 2)
  t.equal(Buffer.from(record.inline ?? []).toString(), 'other')
})

test('nobody waits for a writer that does not stop', async (t) => {
  const { file, stored, publish } = await site(t, (local) => appendFileSync(local, 'more'))
  const writing = setInterval(() => appendFileSync(file.local, 'more'), 0)
  t.teardown(() => clearInterval(writing))
  const record = await publish()
  t.equal(record.generation, stored.length)
  t.not(record.size, statSync(file.local).size, 'that writer publishes what it wrote')
})

test('a file that is removed while its record is stored was published', async (t) => {
  const { stored, publish } = await site(t, (local) => unlinkSync(local))
  t.match(await publish(), { size: 5, generation: 1 })
  t.equal(stored.length, 1)
})

test('a file whose place a directory takes while its record is stored was published', async (t) => {
  const { stored, publish } = await site(t, (local) => {
    unlinkSync(local)
    mkdirSync(local)
  })
  t.match(await publish(), { size: 5, generation: 1 })
  t.equal(stored.length, 1)
})

test('an abort ends the pause between two looks', async (t) => {
  const control = new AbortController()
  const reason = new Error('enough')
  const { publish } = await site(t, (local, put) => {
    replaceBy(local, `after ${put}`)
    control.abort(reason)
  })
  await t.rejects(publish(control.signal), reason)
})

test('an error of a store that is none of ours says which file was not published', async (t) => {
  const { publish } = await site(t, () => {
    throw new TypeError('the store broke')
  })
  await t.rejects(publish(), { code: 'ERR_DYAD_PUBLISH', path: 'x', node: 'A', detail: 'the store broke' })
})
