import fs, { constants } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable, Transform } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import t from 'tap'
import { DyadReadStream } from '../src/index.js'
import { openFilesIn, TwoNodes } from './session.js'
import { closed, outcome, READER_EVENTS, shapeOfChunk, Trace } from './trace.js'

const CONTENTS = {
  ten: Buffer.from('0123456789'),
  empty: Buffer.alloc(0),
  big: Buffer.alloc(300_001, 'abcdefg'),
  odd: Buffer.from('äöü€𝄞'),
}
type Content = keyof typeof CONTENTS
type Options = NonNullable<Parameters<typeof fs.createReadStream>[1]>
type Drive = (stream: fs.ReadStream, trace: Trace) => unknown

interface Scenario {
  name: string
  of?: Content
  options?: () => Options
  /**
   * Whether the test pauses it between chunks. The number of pauses depends on time, and node:fs
   * takes longer for each.
   */
  isPaced?: boolean
  drive: Drive
}

const readAll: Drive = async (stream, trace) => {
  stream.on('data', (chunk) => trace.note('data', chunk))
  await finished(stream).catch(() => {})
}

/** Every event, byte and property, with these options. */
const OPTIONS: Record<string, Options> = {
  none: {},
  'an encoding as string': 'utf8',
  hex: { encoding: 'hex' },
  start: { start: 3 },
  end: { end: 4 },
  'start and end': { start: 2, end: 5 },
  'start beyond the end': { start: 400_000 },
  'one byte': { start: 4, end: 4 },
  'small chunks': { highWaterMark: 3 },
  'small chunks of text': { highWaterMark: 3, encoding: 'utf8' },
  'emitClose off': { emitClose: false },
  'flags r+': { flags: 'r+' },
  'flags rs': { flags: 'rs' },
  'flags a+': { flags: 'a+' },
  'flags as number': { flags: constants.O_RDONLY as unknown as string },
  'flags unknown': { flags: 'bogus' },
  mode: { mode: 0o600 },
  'end before start': { start: 5, end: 2 },
  'start no number': { start: 'x' as unknown as number },
  'encoding unknown': { encoding: 'bogus' as BufferEncoding },
  'chunks below zero': { highWaterMark: -1 },
}

const scenarios: Scenario[] = [
  ...Object.entries(OPTIONS).flatMap(([name, options]) =>
    (Object.keys(CONTENTS) as Content[])
      .filter((of) => of !== 'big' || !name.startsWith('small'))
      .map((of) => ({
        name: `${name} (${of})`,
        of,
        options: () => options,
        drive: readAll,
      })),
  ),
  {
    name: 'autoClose off: stays open until it is destroyed',
    options: () => ({ autoClose: false }),
    drive: async (stream, trace) => {
      stream.on('data', () => {})
      await new Promise<void>((resolve) => stream.once('end', resolve))
      await new Promise((resolve) => setImmediate(resolve))
      trace.note('ended')
      stream.destroy()
      await closed(stream)
    },
  },
  {
    name: 'autoClose off: close() after the end',
    options: () => ({ autoClose: false }),
    drive: async (stream) => {
      stream.resume()
      await new Promise<void>((resolve) => stream.once('end', resolve))
      await new Promise((resolve) => stream.close(resolve))
    },
  },
  {
    name: 'setEncoding',
    of: 'odd',
    options: () => ({ highWaterMark: 2 }),
    drive: (stream, trace) => readAll(stream.setEncoding('utf8'), trace),
  },
  {
    name: 'destroy midway',
    of: 'big',
    drive: async (stream, trace) => {
      stream.once('data', (chunk) => {
        trace.note('data', chunk)
        stream.destroy()
      })
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'destroy with an error midway',
    of: 'big',
    drive: async (stream) => {
      stream.once('data', () => stream.destroy(new RangeError('enough')))
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'destroy when open',
    drive: async (stream) => {
      stream.once('open', () => stream.destroy())
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'signal midway',
    of: 'big',
    options: () => ({ signal: AFTER_DATA.signal }),
    drive: async (stream) => {
      stream.once('data', () => AFTER_DATA.abort(new RangeError('enough')))
      return outcome(() => finished(stream))
    },
  },
  { name: 'pipeline', of: 'big', drive: (stream) => pipeline(stream, collect) },
  {
    name: 'pipeline whose end fails',
    of: 'big',
    drive: (stream) => {
      const failing = new Transform({ transform: (_chunk, _encoding, done) => done(new RangeError('full')) })
      return outcome(() => pipeline(stream, failing, collect))
    },
  },
  { name: 'pipe', of: 'big', isPaced: true, drive: (stream) => collect(stream.pipe(new PassThrough())) },
  {
    name: 'compose',
    of: 'big',
    isPaced: true,
    drive: async (stream) => collect(stream.compose<PassThrough>(new PassThrough())),
  },
  { name: 'for await', of: 'big', drive: collect },
  {
    name: 'for await, left early',
    of: 'big',
    drive: async (stream) => {
      for await (const _ of stream) break
      await closed(stream)
    },
  },
  {
    name: 'toWeb',
    of: 'big',
    isPaced: true,
    drive: async (stream) => {
      const chunks: Buffer[] = []
      for await (const chunk of Readable.toWeb(stream)) chunks.push(Buffer.from(chunk as Uint8Array))
      await closed(stream)
      return shapeOfChunk(Buffer.concat(chunks))
    },
  },
  {
    name: 'await using, unread',
    drive: async (stream) => {
      await new Promise<void>((resolve) => stream.once('ready', resolve))
      await stream[Symbol.asyncDispose]()
    },
  },
  {
    name: 'read() by hand',
    options: () => ({ highWaterMark: 4 }),
    drive: async (stream, trace) => {
      stream.on('readable', () => {
        for (let chunk = stream.read(3); chunk !== null; chunk = stream.read(3)) trace.note('read', chunk)
      })
      await finished(stream)
    },
  },
]

let AFTER_DATA = new AbortController()

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return shapeOfChunk(Buffer.concat(chunks))
}

async function observe(
  make: (options: Options) => fs.ReadStream,
  { options, isPaced, drive }: Scenario,
): Promise<unknown> {
  AFTER_DATA = new AbortController()
  let stream: fs.ReadStream
  try {
    stream = make(options?.() ?? {})
  } catch (error) {
    return outcome(() => Promise.reject(error))
  }
  const trace = new Trace(
    stream,
    isPaced ? READER_EVENTS.filter((event) => event !== 'pause' && event !== 'resume') : READER_EVENTS,
  )
  const result = await drive(stream, trace)
  await closed(stream)
  await new Promise((resolve) => setImmediate(resolve))
  return { result, lines: trace.lines, readableEnded: stream.readableEnded, errored: stream.errored?.name }
}

t.test('reads as fs.ReadStream does', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const consumer = await nodes.consumer()
  const beside = join(nodes.root, 'beside')
  await mkdir(beside)
  for (const [name, bytes] of Object.entries(CONTENTS)) {
    await writeFile(join(beside, name), bytes)
    await writeFile(join(nodes.produced, name), bytes)
    await producer.produce(name)
  }
  for (const scenario of scenarios) {
    const name = scenario.of ?? 'ten'
    const expected = await observe((options) => fs.createReadStream(join(beside, name), options), scenario)
    const make = (path: string) => (options: Options) => new DyadReadStream(consumer, path, options as string as 'utf8')
    t.same(await observe(make(name), scenario), expected, `${scenario.name}: a managed file`)
    t.same(await observe(make(join(beside, name)), scenario), expected, `${scenario.name}: a file elsewhere`)
  }
  t.same(openFilesIn(nodes.root), [], 'none is left open')
})

t.test('fails as fs.ReadStream does, where a file is not managed', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  const beside = join(nodes.root, 'beside')
  await mkdir(beside)
  for (const path of [join(beside, 'missing'), beside]) {
    for (const options of [{}, { autoClose: false }]) {
      const scenario: Scenario = {
        name: path,
        options: () => options,
        drive: async (stream, trace) => {
          stream.on('data', (chunk) => trace.note('data', chunk))
          await new Promise<unknown>((resolve) => stream.once('error', resolve))
          if (options.autoClose === false) stream.destroy()
        },
      }
      const expected = await observe((given) => fs.createReadStream(path, given), scenario)
      const given = await observe((given) => new DyadReadStream(consumer, path, given as object), scenario)
      t.same(given, expected, `${path} ${JSON.stringify(options)}`)
      t.match(JSON.stringify(given), path === beside ? 'EISDIR' : 'ENOENT')
    }
  }
})

t.test('a file that flags create is created, and nobody is waited for', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  await consumer.locateConsumed('made')
  const stream = new DyadReadStream(consumer, 'new', { flags: 'a+', mode: 0o600 })
  t.equal(await collect(stream), 'bytes ')
  t.equal(fs.statSync(join(nodes.consumed, 'new')).mode & 0o777, 0o600)
})

t.test('takes the path as fs.ReadStream does', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  const url = new URL(`file://${nodes.root}/x%20y`)
  await writeFile(url, 'spaced')
  for (const path of [url, 'x', join(nodes.root, 'z')]) {
    const ours = new DyadReadStream(consumer, path)
    const nodes = fs.createReadStream(path)
    const [our, their] = await Promise.all(
      [ours, nodes].map((stream) => {
        stream.on('error', () => {})
        const { path, pending } = stream
        stream.destroy()
        return { path, pending }
      }),
    )
    t.same(our, their)
  }
  t.throws(() => new DyadReadStream(consumer, 'a\0b'), { code: 'ERR_INVALID_ARG_VALUE' })
  t.equal(await collect(new DyadReadStream(consumer, url)), 'bytes spaced')
})
