import { readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import type { DyadCore, FileRecord } from '@dyad-ts/core'
import t from 'tap'
import { DyadFile, DyadWriteStream, type DyadWriteStreamOptions } from '../src/index.js'
import { SequentialDigest } from '../src/sequential-digest.js'
import { TwoNodes } from './session.js'

/** More bytes than publishing reads for an unknown digest. */
const big = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i) % 251))
const half = big.length / 2
const text = 'naïve – 文字 '.repeat(10_000)

async function streamed(
  core: DyadCore,
  options: DyadWriteStreamOptions,
  write: (stream: DyadWriteStream) => unknown,
): Promise<FileRecord | undefined> {
  const stream = new DyadWriteStream(core, 'x', options)
  let record: FileRecord | undefined
  stream.on('published', (published) => {
    record = published
  })
  write(stream)
  await finished(stream.end())
  return record
}

async function filed(
  core: DyadCore,
  flags: string,
  write: (file: DyadFile) => unknown,
): Promise<FileRecord | undefined> {
  const file = await DyadFile.open(core, 'x', flags)
  await write(file)
  await file.close()
  return file.record
}

/** A form of write that Node accepts, though its types omit it. */
async function byOptions(file: DyadFile, options: { offset: number; length: number; position?: number }) {
  await Reflect.apply(file.write, file, [big, options])
}

type Way = (core: DyadCore, local: string) => Promise<FileRecord | undefined>

const known: Record<string, Way> = {
  'a stream': (core) => streamed(core, {}, (stream) => stream.write(big)),
  'a stream in pieces': (core) =>
    streamed(core, {}, (stream) => {
      for (let at = 0; at < big.length; at += 999) stream.write(big.subarray(at, at + 999))
    }),
  'a stream, some at once': (core) =>
    streamed(core, { start: 0 }, (stream) => {
      stream.cork()
      for (let at = 0; at < big.length; at += 50_000) stream.write(big.subarray(at, at + 50_000))
      process.nextTick(() => stream.uncork())
    }),
  'a stream of text': (core) => streamed(core, {}, (stream) => stream.write(text, 'utf16le')),
  'a stream that appends to nothing': (core) => streamed(core, { flags: 'a' }, (stream) => stream.write(big)),
  'a file': (core) => filed(core, 'w', (file) => file.write(big)),
  'a file that nobody else made': (core) => filed(core, 'wx', (file) => file.writeFile(big)),
  'a file that could be read': (core) => filed(core, 'w+', (file) => file.appendFile(big)),
  'a file of text': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(text, null, 'utf8')
      await file.write(text, null, 'latin1')
      await file.writeFile(text, { encoding: 'utf16le' })
      await file.appendFile(text)
    }),
  'a file by parts of buffers': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big, 100, half)
      await byOptions(file, { offset: 7, length: half })
      await file.write(new Uint32Array([1, 2, 3]))
      await file.writev([big, Buffer.alloc(0), big.subarray(5)])
      await file.chmod(0o600)
      await file.utimes(1, 2)
    }),
  'a file at the places that follow one another': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big, 0, half, 0)
      await byOptions(file, { offset: 0, length: half, position: half })
      await file.writev([big, big], big.length)
    }),
  'a file by a stream': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big)
      await pipeline([big, big], file.createWriteStream())
    }),
}

const unknown: Record<string, Way> = {
  'a stream from elsewhere on': (core) => streamed(core, { start: 5 }, (stream) => stream.write(big)),
  'a stream that appends': (core, local) => {
    writeFileSync(local, 'before')
    return streamed(core, { flags: 'a' }, (stream) => stream.write(big))
  },
  'a stream that changes what stands there': (core, local) => {
    writeFileSync(local, big)
    return streamed(core, { flags: 'r+', start: 10 }, (stream) => stream.write('xyz'))
  },
  'a file at a place and then where the last write without one ended': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big, 0, half, 0)
      await file.write(big)
    }),
  'a file out of order': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big, 0, half, half)
      await file.write(big, 0, half, 0)
    }),
  'a file with a place that is written twice': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big)
      await file.write('head', 0)
    }),
  'a file that was cut': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big)
      await file.truncate(half * 1.5)
    }),
  'a file that was cut to its length': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big)
      await file.truncate(big.length)
    }),
  'a file that was read in between': (core) =>
    filed(core, 'w+', async (file) => {
      await file.write(big)
      await file.read(Buffer.alloc(10), 0, 10, 0)
      await file.write(big)
    }),
  'a file by two calls at once': (core) =>
    filed(core, 'w', (file) => Promise.all([file.write(big), file.write(big.subarray(1))])),
  'a file by somebody who has its descriptor': (core) =>
    filed(core, 'w', async (file) => {
      await file.write(big)
      writeSync(file.fd, 'head', 0)
    }),
  'a file from a source': (core) =>
    filed(core, 'w', (file) => Reflect.apply(file.writeFile, file, [Readable.from([big, big])])),
  'a file that is changed in its place': (core, local) => {
    writeFileSync(local, big)
    return filed(core, 'r+', (file) => file.write(big))
  },
  'a file that another program wrote': (core, local) => {
    writeFileSync(local, big)
    return core.produce('x')
  },
}

function digestNow(local: string) {
  return { algorithm: 'crc32', value: crc32(readFileSync(local)).toString(16).padStart(8, '0') }
}

for (const [how, write] of Object.entries(known)) {
  t.test(`the digest is known since it was written: ${how}`, async (t) => {
    await using nodes = await TwoNodes.open()
    const record = await write(await nodes.producer(), join(nodes.produced, 'x'))
    t.same(record?.digest, digestNow(join(nodes.produced, 'x')))
  })
}

for (const [how, write] of Object.entries(unknown)) {
  t.test(`no digest is better than a wrong one: ${how}`, async (t) => {
    await using nodes = await TwoNodes.open()
    const record = await write(await nodes.producer(), join(nodes.produced, 'x'))
    t.equal(record?.size, statSync(join(nodes.produced, 'x')).size)
    t.equal(record?.digest, undefined)
  })
  t.test(`with digestAll it is read: ${how}`, async (t) => {
    await using nodes = await TwoNodes.open()
    const record = await write(await nodes.producer({ digestAll: true }), join(nodes.produced, 'x'))
    t.same(record?.digest, digestNow(join(nodes.produced, 'x')))
  })
}

for (const inlineLimit of [0, 1_024]) {
  t.test(`small files have theirs however they were written, with ${inlineLimit} bytes inline`, async (t) => {
    await using nodes = await TwoNodes.open()
    const local = join(nodes.produced, 'x')
    const producer = await nodes.producer({ inlineLimit })
    for (const size of [0, 1, 1_024, 1_025, 65_536]) {
      writeFileSync(local, big.subarray(0, size))
      t.same((await producer.produce('x')).digest, digestNow(local))
      const record = await filed(producer, 'r+', (file) => file.write('changed', 3))
      t.same(record?.digest, digestNow(local))
    }
    const empty = await filed(producer, 'w', () => {})
    t.same(empty?.digest, { algorithm: 'crc32', value: '00000000' })
  })
}

t.test('of what is written in part only that part counts', async (t) => {
  const pieces = [big, big.subarray(7), Buffer.alloc(0), big]
  const all = Buffer.concat(pieces)
  for (const written of [0, 1, big.length, big.length + 1, all.length - 1, all.length]) {
    const digest = new SequentialDigest()
    const before = digest.writing([big.subarray(0, 10)], undefined)
    await before(10)
    const ended = digest.writing(pieces, 10)
    await ended(written)
    const expected = crc32(Buffer.concat([big.subarray(0, 10), all.subarray(0, written)]))
    t.match(digest.digest, { value: expected.toString(16).padStart(8, '0') })
  }
})

t.test('others have their turn while many bytes pass', async (t) => {
  const digest = new SequentialDigest()
  const many = Buffer.alloc(16 * 2 ** 20, 'many')
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await digest.writing([many, many], undefined)(2 * many.length)
  isOver = true
  t.ok(turns >= 30, `${turns} turns`)
  t.match(digest.digest, { value: crc32(many, crc32(many)).toString(16).padStart(8, '0') })
})
