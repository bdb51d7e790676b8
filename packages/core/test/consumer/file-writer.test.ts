import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Test, test } from 'tap'
import type { Arrival } from '../../src/consumer/arrival.js'
import { ConsumedFile } from '../../src/consumer/consumed-file.js'
import { FileWriter } from '../../src/consumer/file-writer.js'
import { IncomingFile } from '../../src/consumer/incoming-file.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import type { FileRecord } from '../../src/kvs/record.js'

const CHUNK = 300_000
const CHUNKS = 20

/** A disk that was waited for. */
function slowPace(): DiskPace {
  const pace = new DiskPace(-1)
  pace.time(() => {})
  return pace
}

/** The bytes of the chunk that comes at a place: every chunk has others. */
const bytesOf = (at: number) => Buffer.alloc(CHUNK, `${at};`)
const content = Buffer.concat(Array.from({ length: CHUNKS }, (_, at) => bytesOf(at)))

for (const [what, pace] of [
  ['in memory', () => new DiskPace(60_000)],
  ['on a slow disk', slowPace],
] as const) {
  test(`${what}: what is written is all there, and told of as it gets there`, async (t) => {
    const path = `${t.testdir()}/file`
    const fd = openSync(path, 'w')
    const told: number[] = []
    const writer = new FileWriter(fd, pace(), (bytes) => told.push(bytes))
    const chunk = Buffer.alloc(CHUNK)
    for (let at = 0; at < CHUNKS; at++) {
      bytesOf(at).copy(chunk)
      await writer.write(chunk)
    }
    await writer.drain()
    await writer.close()
    closeSync(fd)
    t.ok(readFileSync(path).equals(content))
    t.equal(told.at(-1), content.length)
    t.strictSame(
      told,
      [...told].sort((a, b) => a - b),
    )
  })

  test(`${what}: who reads meanwhile gets these bytes, though the memory they came in is used again`, async (t) => {
    t.ok((await readWhileStored(t, pace())).equals(content))
  })
}

test('once a disk was waited for, what follows is written behind', async (t) => {
  const fd = openSync(`${t.testdir()}/file`, 'w')
  const writer = new FileWriter(fd, new DiskPace(-1), () => {})
  t.equal(writer.write(Buffer.alloc(10)), undefined, 'at once')
  t.ok(writer.isBehind)
  t.type(writer.write(Buffer.alloc(10)), Promise)
  await writer.close()
  closeSync(fd)
})

test('what a disk refuses is told to who writes on, or drains', async (t) => {
  const fd = openSync(`${t.testdir({ file: '' })}/file`, 'r')
  t.throws(() => new FileWriter(fd, new DiskPace(60_000), () => {}).write(Buffer.alloc(10)), { code: 'EBADF' })
  const behind = new FileWriter(fd, slowPace(), () => {})
  await behind.write(Buffer.alloc(10))
  await t.rejects(behind.drain(), { code: 'EBADF' })
  await t.rejects(behind.write(Buffer.alloc(10)) ?? Promise.resolve(), { code: 'EBADF' })
  await behind.close()
  closeSync(fd)
})

/**
 * Stores chunks that come in one and the same memory, while a reader reads as far as it can each
 * time.
 */
async function readWhileStored(t: Test, pace: DiskPace): Promise<Buffer> {
  const target = `${t.testdir()}/file`
  const record = { path: 'file', size: content.length, mode: 0o644, generation: 1 } as FileRecord
  let tell: (arrival: Arrival) => void = () => {}
  let whole: (record: FileRecord) => void = () => {}
  const place = { temporaries: new Temporaries(), pace, parents: new StoringParents(dirname(target)) }
  await using incoming = IncomingFile.beside(target, place, record, (arrival) => tell(arrival))
  const opening = ConsumedFile.open(target, pace, new AbortController().signal, (onArrival) => {
    tell = onArrival
    return new Promise((resolve) => {
      whole = resolve
    })
  })
  const chunk = Buffer.alloc(CHUNK)
  const storing = (async () => {
    for (let at = 0; at < CHUNKS; at++) {
      bytesOf(at).copy(chunk)
      await incoming.write(chunk)
      // The owner of the memory does with it what it likes.
      chunk.fill('?')
    }
    await incoming.putInPlace({ permitted: async () => {}, isPermitted: true })
    whole(record)
  })()
  const file = await opening
  const parts: Buffer[] = []
  for (let position = 0; ; ) {
    const buffer = Buffer.alloc(70_000)
    const bytes = await new Promise<number>((resolve, reject) => {
      file.read(buffer, position, (error, read) => (error ? reject(error) : resolve(read)))
    })
    if (bytes === 0) break
    parts.push(buffer.subarray(0, bytes))
    position += bytes
  }
  await storing
  await new Promise((resolve) => file.close(resolve))
  return Buffer.concat(parts)
}
