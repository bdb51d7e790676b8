import fs, { constants } from 'node:fs'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as streams from 'node:stream'
import { type Duplex, PassThrough, Readable, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import t from 'tap'
import { DyadWriteStream } from '../src/index.js'
import { namesIn, openFilesIn, TwoNodes } from './session.js'
import { closed, outcome, shapeOfChunk, Trace, WRITER_EVENTS } from './trace.js'

type Options = NonNullable<Parameters<typeof fs.createWriteStream>[1]>
type Drive = (stream: fs.WriteStream, trace: Trace) => unknown

interface Scenario {
  name: string
  /** The file that stands there before: these bytes, none, or a directory. */
  existing?: string | 'directory' | undefined
  options?: () => Options
  drive: Drive
}

const writeAll: Drive = async (stream) => {
  stream.write('one ')
  stream.end(Buffer.from('two'))
  await finished(stream).catch(() => {})
}

const OPTIONS: Record<string, Options> = {
  none: {},
  'an encoding as string': 'latin1',
  start: { start: 3 },
  'start and r+': { start: 3, flags: 'r+' },
  'emitClose off': { emitClose: false },
  'a narrow mark': { highWaterMark: 2 },
  mode: { mode: 0o600 },
  'mode without writing': { mode: 0o400 },
  flush: { flush: true },
  'flags as number': { flags: (constants.O_WRONLY | constants.O_CREAT) as unknown as string },
  'flags unknown': { flags: 'bogus' },
  'start no number': { start: 'x' as unknown as number },
  'encoding unknown': { encoding: 'bogus' as BufferEncoding },
}
const FLAGS = 'r rs sr r+ rs+ sr+ w wx xw w+ wx+ xw+ a ax xa as sa a+ ax+ xa+ as+ sa+'.split(' ')
for (const flags of FLAGS) OPTIONS[`flags ${flags}`] = { flags }

// Node's types omit it.
const { compose } = streams as unknown as { compose(...parts: streams.Stream[]): Duplex }

let ABORT = new AbortController()

const scenarios: Scenario[] = [
  ...Object.entries(OPTIONS).flatMap(([name, options]) =>
    [undefined, '0123456789', 'directory'].map((existing) => ({
      name: `${name} (${existing})`,
      existing,
      options: () => options,
      drive: writeAll,
    })),
  ),
  { name: 'nothing written', drive: (stream) => finished(stream.end()) },
  { name: 'nothing written over a file', existing: 'old', drive: (stream) => finished(stream.end()) },
  {
    name: 'cork',
    drive: async (stream) => {
      stream.cork()
      for (const word of ['a', 'b', 'c']) stream.write(word)
      process.nextTick(() => stream.uncork())
      stream.end('d')
      await finished(stream)
    },
  },
  {
    name: 'callbacks of write and end',
    drive: async (stream, trace) => {
      stream.write('a', () => trace.note('written'))
      await new Promise<void>((resolve) =>
        stream.end('b', () => {
          trace.note('ended')
          resolve()
        }),
      )
      await closed(stream)
    },
  },
  {
    name: 'default encoding',
    options: () => ({ encoding: 'hex' }),
    drive: (stream) => finished(stream.end('00ff')),
  },
  {
    name: 'autoClose off: stays open until it is destroyed',
    options: () => ({ autoClose: false }),
    drive: async (stream, trace) => {
      stream.end('abc')
      await new Promise<void>((resolve) => stream.once('finish', resolve))
      trace.note('finished')
      stream.destroy()
      await closed(stream)
    },
  },
  {
    name: 'autoClose off: close() in place of end()',
    options: () => ({ autoClose: false, flush: true }),
    drive: async (stream) => {
      stream.write('abc')
      await new Promise((resolve) => stream.close(resolve))
    },
  },
  {
    name: 'close() in place of end()',
    drive: async (stream) => {
      stream.write('abc')
      await new Promise((resolve) => stream.close(resolve))
      await new Promise((resolve) => stream.close(resolve))
    },
  },
  { name: 'pipeline', drive: (stream) => pipeline(Readable.from(chunks(50)), stream) },
  { name: 'pipe', drive: (stream) => finished(Readable.from(chunks(50)).pipe(stream)) },
  {
    name: 'compose',
    drive: (stream) => finished(compose(new PassThrough(), stream).end('through')),
  },
  {
    name: 'toWeb',
    drive: async (stream) => {
      const writer = Writable.toWeb(stream).getWriter()
      await writer.write(Buffer.from('web'))
      await writer.close()
    },
  },
]

/** After these, node:fs leaves the written bytes, and DYAD leaves nothing. */
const abandoned: Scenario[] = [
  {
    name: 'write after the end',
    drive: async (stream) => {
      stream.end('abc')
      stream.write('d')
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'destroy midway',
    drive: async (stream) => {
      stream.write('abc', () => stream.destroy())
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'destroy with an error midway',
    drive: async (stream) => {
      stream.write('abc', () => stream.destroy(new RangeError('enough')))
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'destroy before it is open',
    drive: async (stream) => {
      stream.write('abc')
      stream.destroy()
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'destroy right after the end',
    drive: async (stream) => {
      stream.end('abc')
      stream.destroy(new RangeError('enough'))
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'signal before',
    options: () => ({ signal: AbortSignal.abort(new RangeError('enough')) }),
    drive: (stream) => outcome(() => finished(stream)),
  },
  {
    name: 'signal midway',
    options: () => ({ signal: ABORT.signal }),
    drive: async (stream) => {
      stream.write('abc', () => ABORT.abort(new RangeError('enough')))
      return outcome(() => finished(stream))
    },
  },
  {
    name: 'pipeline whose source fails',
    drive: (stream) =>
      outcome(() =>
        pipeline(async function* () {
          yield 'abc'
          throw new RangeError('dry')
        }, stream),
      ),
  },
  {
    name: 'await using, unfinished',
    drive: async (stream) => {
      await new Promise((resolve) => stream.write('abc', resolve))
      stream.on('error', () => {})
      // The types of Node 20 omit it.
      return outcome(async () => (stream as unknown as AsyncDisposable)[Symbol.asyncDispose]())
    },
  },
  {
    name: 'autoClose off: destroyed unfinished',
    options: () => ({ autoClose: false }),
    drive: async (stream) => {
      await new Promise((resolve) => stream.write('abc', resolve))
      stream.destroy()
      await closed(stream)
    },
  },
]

function* chunks(count: number): Iterable<Buffer> {
  for (let at = 0; at < count; at++) yield Buffer.alloc(5_000, `${at}`)
}

async function observe(path: string, make: (options: Options) => fs.WriteStream, scenario: Scenario): Promise<unknown> {
  ABORT = new AbortController()
  await mkdir(dirname(path), { recursive: true })
  if (scenario.existing === 'directory') await mkdir(path)
  else if (scenario.existing !== undefined) {
    await writeFile(path, scenario.existing)
    await chmod(path, 0o751)
  }
  let stream: fs.WriteStream
  try {
    stream = make(scenario.options?.() ?? {})
  } catch (error) {
    return outcome(() => Promise.reject(error))
  }
  const trace = new Trace(stream, WRITER_EVENTS)
  const result = await scenario.drive(stream, trace)
  await closed(stream)
  await new Promise((resolve) => setImmediate(resolve))
  // If a signal had fired before, Node still opens the file, after 'close', and leaves it open.
  const lines =
    scenario.name === 'signal before' ? trace.lines.filter((line) => !/open|ready/.test(String(line))) : trace.lines
  const { writableFinished, errored, writableEnded } = stream
  return { result, lines, writableFinished, writableEnded, errored: errored?.name }
}

async function look(path: string): Promise<unknown> {
  try {
    const found = await stat(path)
    return { mode: found.mode, content: found.isFile() ? shapeOfChunk(await readFile(path)) : '' }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

t.test('writes as fs.WriteStream does', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  for (const [at, scenario] of scenarios.entries()) {
    const theirs = join(nodes.root, `theirs${at}`)
    const expected = await observe(theirs, (options) => fs.createWriteStream(theirs, options), scenario)
    for (const [kind, path, given] of [
      ['a managed file', join(nodes.produced, `${at}`, 'x'), `${at}/x`],
      ['a file elsewhere', join(nodes.root, `ours${at}`), join(nodes.root, `ours${at}`)],
    ] as const) {
      const make = (options: Options) => new DyadWriteStream(producer, given, options as string as 'utf8')
      const found = await observe(path, make, scenario)
      t.same(found, expected, `${scenario.name}: ${kind}`)
      t.same(await look(path), await look(theirs), `${scenario.name}: ${kind}: what stands there`)
    }
    const finished = (expected as { writableFinished?: boolean }).writableFinished === true
    const record = await producer.lookup(`${at}/x`, { wait: false })
    const { flags } = (scenario.options?.() ?? {}) as { flags?: string }
    t.equal(record !== undefined, finished && !['r', 'rs', 'sr'].includes(flags ?? ''), `${scenario.name}: published`)
  }
  t.notOk(
    (await namesIn(nodes.produced)).some((name) => name.includes('.dyad-')),
    'no temporary file is left',
  )
  t.same(openFilesIn(nodes.produced), [], 'none is left open')
})

t.test('ends as fs.WriteStream does where it is destroyed, and leaves nothing', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  for (const [at, scenario] of abandoned.entries()) {
    for (const existing of [undefined, 'old']) {
      const name = `${at}${existing}`
      const theirs = join(nodes.root, `theirs${name}`)
      const ours = join(nodes.produced, name)
      const given = { ...scenario, existing }
      const expected = await observe(theirs, (options) => fs.createWriteStream(theirs, options), given)
      const found = await observe(ours, (options) => new DyadWriteStream(producer, name, options as object), given)
      t.same(found, expected, `${scenario.name} (${existing})`)
      t.match(
        await look(ours),
        existing === undefined ? 'ENOENT' : { content: 'bytes old' },
        `${scenario.name}: what stands there`,
      )
      t.equal(await producer.lookup(name, { wait: false }), undefined, `${scenario.name}: nothing is published`)
    }
  }
  t.same(
    (await namesIn(nodes.produced)).filter((name) => !name.endsWith('old')),
    [],
  )
  t.same(openFilesIn(nodes.produced), [], 'none is left open')
})
