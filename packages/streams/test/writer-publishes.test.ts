import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { constants } from 'node:fs'
import { access, chmod, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DyadCore, FileRecord } from '@dyad-ts/core'
import t from 'tap'
import { DyadReadStream, DyadWriteStream, type DyadWriteStreamOptions } from '../src/index.js'
import { namesIn, openFilesIn, TwoNodes } from './session.js'

async function write(
  core: DyadCore,
  path: string,
  content: string,
  options?: DyadWriteStreamOptions,
): Promise<FileRecord> {
  const stream = new DyadWriteStream(core, path, options)
  const published: FileRecord[] = []
  stream.on('published', (record) => published.push(record))
  await pipeline(Readable.from([content]), stream)
  if (published.length !== 1) throw new Error(`published ${published.length} times`)
  return published[0] as FileRecord
}

t.test('a pipeline ends once the file is published', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const stream = new DyadWriteStream(producer, 'deep/in/x')
  const seen: string[] = []
  for (const name of ['open', 'ready', 'published', 'finish', 'close']) stream.on(name, () => seen.push(name))
  const published = once(stream, 'published')
  await pipeline('content', stream)
  t.same(seen, ['open', 'ready', 'published', 'finish', 'close'])
  const record = await producer.lookup('deep/in/x', { wait: false })
  t.same(await published, [record])
  t.match(record, { path: 'deep/in/x', owner: 'p', size: 7 })
  t.same(await namesIn(nodes.produced), ['deep', 'deep/in', 'deep/in/x'])
})

t.test('nobody sees the file before it is whole', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await write(producer, 'x', 'old')
  const stream = new DyadWriteStream(producer, 'x')
  await new Promise((resolve) => stream.write('new', resolve))
  t.equal(await readFile(join(nodes.produced, 'x'), 'utf8'), 'old')
  stream.end()
  await finished(stream)
  t.equal(await readFile(join(nodes.produced, 'x'), 'utf8'), 'new')
  t.same(await namesIn(nodes.produced), ['x'])
})

t.test('each way of writing publishes a new generation', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  let generation = 0
  const steps: [DyadWriteStreamOptions, string, string][] = [
    [{}, '', ''],
    [{}, 'one', 'one'],
    [{ flags: 'a' }, ' two', 'one two'],
    [{ flags: 'r+', start: 1 }, 'NE', 'oNE two'],
    [{ flags: 'w', start: 2 }, 'x', '\0\0x'],
    [{ flags: 'w+' }, 'anew', 'anew'],
    [{ flags: 'a', flush: true }, '!', 'anew!'],
  ]
  for (const [options, content, whole] of steps) {
    const record = await write(producer, 'x', content, options)
    t.ok(record.generation > generation)
    generation = record.generation
    t.equal(record.size, whole.length)
    t.equal(await text(new DyadReadStream(consumer, 'x')), whole)
  }
})

t.test('permissions', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const modeOf = async (name: string) => (await stat(join(nodes.produced, name))).mode & 0o7777
  t.equal((await write(producer, 'x', '', { mode: 0o640 })).mode, 0o640)
  t.equal(await modeOf('x'), 0o640)
  await chmod(join(nodes.produced, 'x'), 0o604)
  t.equal((await write(producer, 'x', '', { mode: 0o600 })).mode, 0o604)
  t.equal(await modeOf('x'), 0o604)
  await write(producer, 'y', '')
  t.equal(await modeOf('y'), 0o666 & ~process.umask())
})

t.test('a file that may not be written to', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await write(producer, 'x', 'old', { mode: 0o444 })
  // Root may write to it nevertheless.
  const mayWrite = await access(join(nodes.produced, 'x'), constants.W_OK).then(
    () => true,
    () => false,
  )
  for (const options of [{}, { flags: 'a' }, { flags: 'w+', autoClose: false }]) {
    const stream = new DyadWriteStream(producer, 'x', options)
    if (!mayWrite) await t.rejects(once(stream, 'open'), { code: 'EACCES', path: join(nodes.produced, 'x') })
    else await once(stream, 'open')
    t.match(await namesIn(nodes.produced), mayWrite && options.flags !== 'a' ? [/^.dyad-/, 'x'] : ['x'])
    stream.destroy()
    if (!stream.closed) await once(stream, 'close')
    t.same(await namesIn(nodes.produced), ['x'])
  }
})

t.test(
  'a new file takes one descriptor; one that stood there is opened by its name, as its permissions allow',
  async (t) => {
    await using nodes = await TwoNodes.open()
    const producer = await nodes.producer()
    const isLinux = process.platform === 'linux'
    const big = Buffer.alloc(300_000, 'x')
    for (const [name, ends, descriptors] of [
      ['new', (stream: DyadWriteStream) => stream.end('content'), 1],
      ['big', (stream: DyadWriteStream) => stream.end(big), 1],
      ['given up', (stream: DyadWriteStream) => stream.destroy(), 1],
      ['new', (stream: DyadWriteStream) => stream.end('anew'), 2],
      ['new', (stream: DyadWriteStream) => stream.destroy(), 2],
    ] as const) {
      const stream = new DyadWriteStream(producer, name)
      await once(stream, 'open')
      if (isLinux) t.equal(openFilesIn(nodes.produced).length, descriptors, name)
      ends(stream)
      await once(stream, 'close')
      t.same(openFilesIn(nodes.produced), [], `${name} is closed`)
    }
    t.same(await namesIn(nodes.produced), ['big', 'new'])
    t.equal(await readFile(join(nodes.produced, 'new'), 'utf8'), 'anew')
    t.equal((await readFile(join(nodes.produced, 'big'))).compare(big), 0)
  },
)

t.test('through a symbolic link the file is written where it leads', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  await write(producer, 'real', 'old')
  await symlink('real', join(nodes.produced, 'link'))
  await write(producer, 'link', 'new')
  t.equal(await readFile(join(nodes.produced, 'real'), 'utf8'), 'new')
  t.equal(await text(new DyadReadStream(consumer, 'link')), 'new')
  t.same(await namesIn(nodes.produced), ['link', 'real'])
})

t.test('wx refuses a file that is there, or comes to be there meanwhile', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const first = new DyadWriteStream(producer, 'x', { flags: 'wx' })
  const second = new DyadWriteStream(producer, 'x', { flags: 'wx' })
  await Promise.all([once(first, 'open'), once(second, 'open')])
  await pipeline('first', first)
  await t.rejects(pipeline('second', second), { code: 'EEXIST' })
  await t.rejects(pipeline('third', new DyadWriteStream(producer, 'x', { flags: 'wx' })), { code: 'EEXIST' })
  t.equal(await readFile(join(nodes.produced, 'x'), 'utf8'), 'first')
  t.same(await namesIn(nodes.produced), ['x'])
})

t.test('an error of publishing is an error of the stream', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer({ namespace: 'absent' })
  for (const options of [{}, { flags: 'a' }]) {
    const stream = new DyadWriteStream(producer, 'x', options)
    const seen: string[] = []
    for (const name of ['published', 'finish', 'error', 'close']) stream.on(name, () => seen.push(name))
    await t.rejects(pipeline('content', stream), { code: 'ERR_DYAD_NAMESPACE_MISSING', path: 'x' })
    t.same(seen, ['error', 'close'])
    t.same(await namesIn(nodes.produced), ['x'], 'the whole file stands where it was written')
  }
  const late = new DyadWriteStream(producer, 'y', { autoClose: false })
  await finished(late.end('content'), { cleanup: true })
  late.destroy()
  await t.rejects(once(late, 'close'), { code: 'ERR_DYAD_NAMESPACE_MISSING' })
})

t.test('a file that cannot be put in place is not left beside it', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const stream = new DyadWriteStream(producer, 'x')
  await new Promise((resolve) => stream.write('content', resolve))
  await mkdir(join(nodes.produced, 'x'))
  await t.rejects(pipeline('more', stream), { code: 'EISDIR' })
  t.same(await namesIn(nodes.produced), ['x'])
  t.equal(await producer.lookup('x', { wait: false }), undefined)
})

t.test('a directory that cannot be made', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await write(producer, 'x', '')
  const local = join(nodes.produced, 'x/y')
  await t.rejects(pipeline('', new DyadWriteStream(producer, 'x/y')), { code: 'ENOTDIR', syscall: 'open', path: local })
})

t.test('with autoClose off it is published when it is closed', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const ways: Record<string, (stream: DyadWriteStream) => unknown> = {
    'destroy()': (stream) => stream.destroy(),
    'close()': (stream) => stream.close(),
    'close(callback)': (stream) => new Promise((resolve) => stream.close(resolve)),
    'async disposal': (stream) => stream[Symbol.asyncDispose](),
  }
  for (const [name, close] of Object.entries(ways)) {
    const stream = new DyadWriteStream(producer, name, { autoClose: false })
    const published = once(stream, 'published')
    stream.end('content')
    await once(stream, 'finish')
    t.equal(await producer.lookup(name, { wait: false }), undefined, name)
    t.notOk(stream.closed)
    const closed = once(stream, 'close')
    close(stream)
    await closed
    t.same(await published, [await producer.lookup(name, { wait: false })], name)
  }
  const failed = new DyadWriteStream(producer, 'failed', { autoClose: false })
  failed.end('content')
  await once(failed, 'finish')
  failed.destroy(new RangeError('not this one'))
  await t.rejects(once(failed, 'close'), { message: 'not this one' })
  t.equal(await producer.lookup('failed', { wait: false }), undefined)
  t.same(await namesIn(nodes.produced), Object.keys(ways).sort())
})

/** Holds all puts of the store. Returns a promise that resolves at the first put. */
function withoutAnswer(nodes: TwoNodes): Promise<void> {
  const namespace = nodes.kvs.namespace('test')
  nodes.kvs.namespace = () => namespace
  return new Promise((asked) => {
    namespace.put = (_key, _value, { signal } = {}) => {
      asked()
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
  })
}

t.test('destroyed while it is being published, it closes without an answer of the store', async (t) => {
  const ways: Record<string, (stream: DyadWriteStream, control: AbortController) => void> = {
    'destroy()': (stream) => stream.destroy(),
    'destroy(error)': (stream) => stream.destroy(new RangeError('enough')),
    'its signal': (_, control) => control.abort(new RangeError('enough')),
  }
  for (const [way, end] of Object.entries(ways)) {
    for (const options of [{}, { flags: 'a' }, { autoClose: false }]) {
      await using nodes = await TwoNodes.open()
      const producer = await nodes.producer()
      const control = new AbortController()
      const stream = new DyadWriteStream(producer, 'x', { ...options, signal: control.signal })
      const seen: string[] = []
      for (const name of ['published', 'error', 'close']) stream.on(name, () => seen.push(name))
      const asked = withoutAnswer(nodes)
      stream.end('content')
      if (options.autoClose === false) {
        await once(stream, 'finish')
        stream.destroy()
      }
      await asked
      t.same(openFilesIn(nodes.root), [], 'it is closed before it is published')
      end(stream, control)
      if (options.autoClose === false && way === 'destroy()') {
        // Such a stream publishes this way. Repeating it changes nothing.
        t.notOk(stream.closed)
        control.abort()
      }
      if (!stream.closed) await new Promise<void>((closed) => stream.on('close', closed))
      const what = `${way} ${JSON.stringify(options)}`
      t.same(seen, way === 'destroy()' && options.autoClose !== false ? ['close'] : ['error', 'close'], what)
      if (way === 'its signal') t.match(stream.errored, { name: 'AbortError', code: 'ABORT_ERR' }, what)
      t.same(await namesIn(nodes.produced), ['x'], 'the whole file stands in its place')
      t.equal(await producer.lookup('x', { wait: false }), undefined)
    }
  }
})

t.test('destroyed while it is being published, a stream leaves no record that fits no file', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const namespace = nodes.kvs.namespace('test')
  nodes.kvs.namespace = () => namespace
  const { put } = namespace
  const steps = new EventEmitter()
  let puts = 0
  namespace.put = async (...args) => {
    if (++puts === 1) {
      steps.emit('asked')
      await once(steps, 'answer')
    }
    const stored = await put.apply(namespace, args)
    steps.emit(`stored ${puts}`)
    return stored
  }
  const stream = new DyadWriteStream(producer, 'x')
  stream.end('content')
  await once(steps, 'asked')
  const closed = once(stream, 'close')
  stream.destroy()
  await closed
  // Another writer, whose own record is stored before this one.
  await writeFile(join(nodes.produced, 'other'), 'longer content')
  await rename(join(nodes.produced, 'other'), join(nodes.produced, 'x'))
  const again = once(steps, 'stored 2')
  steps.emit('answer')
  await again
  t.equal((await producer.lookup('x'))?.size, 'longer content'.length)
})

t.test('destroyed before its file is in its place, it leaves nothing', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const stream = new DyadWriteStream(producer, 'x', { flush: true })
  await new Promise((resolve) => stream.write('content', resolve))
  stream.end()
  // By now its bytes are on their way to the disk.
  await Promise.resolve()
  stream.destroy()
  await once(stream, 'close')
  t.same(await namesIn(nodes.produced), [])
  t.equal(await producer.lookup('x', { wait: false }), undefined)
})

t.test('asyncPublish: destroyed while it waits for room, a stream ends, and is published all the same', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer({ asyncPublish: true })
  const namespace = nodes.kvs.namespace('test')
  nodes.kvs.namespace = () => namespace
  const { put } = namespace
  const steps = new EventEmitter()
  const goOn = once(steps, 'go on')
  const asked = once(steps, 'asked')
  namespace.put = async (...args) => {
    first ??= args[0]
    if (args[0] !== first) steps.emit('asked')
    await goOn
    return put.apply(namespace, args)
  }
  let first: string | undefined
  // Fills the queue with as many publishes as may be under way, one after the other.
  for (let i = 1; i < 4_096; i++) await pipeline('', new DyadWriteStream(producer, 'same'))
  const last = new DyadWriteStream(producer, 'last')
  last.end('content')
  await asked
  t.notOk(last.writableFinished)
  last.destroy()
  await once(last, 'close')
  steps.emit('go on')
  await producer.flush()
  t.match(await producer.lookup('last', { wait: false }), { size: 7 })
})

t.test('asyncPublish: finishes without a record; flush tells what failed', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer({ asyncPublish: true })
  const stream = new DyadWriteStream(producer, 'x')
  stream.on('published', () => t.fail('there is no record yet'))
  await pipeline('content', stream)
  await producer.flush()
  t.match(await producer.lookup('x', { wait: false }), { size: 7 })
  await rm(join(nodes.produced, 'x'))

  await nodes.kvs.removeNamespace('test')
  await pipeline('content', new DyadWriteStream(producer, 'y'))
  await t.rejects(producer.flush(), { code: 'ERR_DYAD_NAMESPACE_MISSING', path: 'y' })
  await producer.flush()
})

t.test('a path elsewhere is none of its business', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const beside = join(nodes.root, 'beside')
  await writeFile(beside, 'old')
  for (const core of [producer, await nodes.consumer()]) {
    const stream = new DyadWriteStream(core, beside, { flags: 'a' })
    stream.on('published', () => t.fail('published'))
    await pipeline('!', stream)
  }
  t.equal(await readFile(beside, 'utf8'), 'old!!')
  const missing = new DyadWriteStream(producer, join(nodes.root, 'no/such'))
  await t.rejects(finished(missing), { code: 'ENOENT' })
})

t.test('a path that cannot name a managed file', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  for (const path of ['.dyad-x', 'x'.repeat(256), 'a/\ud800']) {
    await t.rejects(pipeline('', new DyadWriteStream(producer, path)), { code: 'ERR_DYAD_PATH' })
  }
  t.same(await namesIn(nodes.produced), [])
})

t.test('await using publishes what has finished, and nothing else', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  {
    await using stream = new DyadWriteStream(producer, 'x')
    await pipeline('content', stream)
  }
  await t.rejects(
    async () => {
      await using stream = new DyadWriteStream(producer, 'y')
      stream.write('content')
      throw new RangeError('out')
    },
    { message: 'out' },
  )
  {
    await using stream = new DyadWriteStream(producer, 'z')
    stream.end('content')
  }
  t.same(await namesIn(nodes.produced), ['x'])
  t.equal(await producer.lookup('y', { wait: false }), undefined)
})

t.test('many at once', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  const names = Array.from({ length: 100 }, (_, at) => `group${at % 7}/x${at}`)
  const read = names.map((name) => text(new DyadReadStream(consumer, name)))
  await Promise.all(names.map((name) => pipeline(name, new DyadWriteStream(producer, name))))
  t.same(await Promise.all(read), names)
  t.same(openFilesIn(nodes.root), [])
})

t.test('what a callback of a write throws is an uncaught exception, and no rejection', async (t) => {
  const script = fileURLToPath(new URL('throwing-callback.ts', import.meta.url))
  const ways = ['file, one write', 'file, two writes at once', 'stream, one write', 'stream, two writes at once']
  for (const size of [10, 200_000]) {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import=tsx', script, String(size)])
    const expected = ways.map((way) => `uncaughtException: thrown by a callback of ${way}`)
    t.strictSame(stdout.trim().split('\n').sort(), expected, `${size} bytes`)
  }
})
