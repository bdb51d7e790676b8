import { once } from 'node:events'
import fs from 'node:fs'
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import type { DyadCore } from '@dyad-ts/core'
import t from 'tap'
import { DyadFile, DyadReadStream } from '../src/index.js'
import { namesIn, openFilesIn, TwoNodes } from './session.js'
import { outcome } from './trace.js'

async function put(core: DyadCore, path: string, content: string): Promise<number> {
  const file = await DyadFile.open(core, path, 'w')
  await file.writeFile(content)
  await file.close()
  return file.record?.generation ?? 0
}

/** Both nodes produce and consume in one directory each. */
async function peers(nodes: TwoNodes): Promise<[DyadCore, DyadCore]> {
  const [a, b] = [join(nodes.root, 'a'), join(nodes.root, 'b')]
  return [
    await nodes.node('a', { producerPath: a, consumerPath: a }),
    await nodes.node('b', { producerPath: b, consumerPath: b }),
  ]
}

t.test('w publishes at close, r consumes at open', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  const opening = DyadFile.open(consumer, 'deep/x')
  const file = await DyadFile.open(producer, 'deep/x', 'w', 0o640)
  await file.write('content')
  t.equal(await producer.lookup('deep/x', { wait: false }), undefined)
  t.equal(file.record, undefined)
  t.equal(file.close(), file.close())
  await file.close()
  t.same(file.record, await producer.lookup('deep/x', { wait: false }))
  t.match(file.record, { size: 7, mode: 0o640 })
  const read = await opening
  t.equal(await read.readFile('utf8'), 'content')
  await read.close()
  t.equal(read.record, undefined)
  t.same(await namesIn(nodes.produced), ['deep', 'deep/x'])
  t.same(await namesIn(nodes.consumed), ['deep', 'deep/x'])
})

t.test('reads and writes as FileHandle does', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  type Shared = Pick<
    DyadFile,
    'read' | 'readv' | 'readFile' | 'write' | 'writev' | 'writeFile' | 'appendFile' | 'truncate'
  > &
    Pick<DyadFile, 'stat' | 'sync' | 'datasync' | 'chmod' | 'utimes' | 'fd'> & { close(): Promise<void> }
  const calls: Record<string, (file: Shared) => unknown> = {
    write: (file) => file.write(Buffer.from('xyz')),
    'write a part at a place': (file) => file.write(Buffer.from('abcdef'), 1, 3, 5),
    'write text': (file) => file.write('text', 2, 'latin1'),
    writev: (file) => file.writev([Buffer.from('1'), Buffer.from('22')], 0),
    writeFile: (file) => file.writeFile('whole'),
    appendFile: (file) => file.appendFile('more'),
    truncate: (file) => file.truncate(4),
    chmod: (file) => file.chmod(0o600),
    utimes: (file) => file.utimes(1, 2),
    sync: (file) => file.sync(),
    datasync: (file) => file.datasync(),
    read: async (file) => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
      return [bytesRead, `${buffer}`]
    },
    'read by options': async (file) => (await file.read({ buffer: Buffer.alloc(9), position: 1 })).bytesRead,
    readv: async (file) => (await file.readv([Buffer.alloc(1), Buffer.alloc(2)], 1)).bytesRead,
    readFile: async (file) => `${await file.readFile()}`,
    stat: async (file) => (await file.stat()).size,
    fd: (file) => fs.fstatSync(file.fd).size,
    'a bad argument': (file) => file.write(Buffer.alloc(1), 5, 5),
  }
  for (const flags of ['r', 'r+', 'w', 'w+', 'wx', 'a', 'a+', 'ax']) {
    for (const [name, call] of Object.entries(calls)) {
      const theirs = join(nodes.root, `${name} ${flags}`)
      const ours = join(nodes.produced, `${name} ${flags}`)
      if (!flags.includes('x')) for (const path of [theirs, ours]) await writeFile(path, '0123456789')
      const results: unknown[] = []
      for (const file of [await open(theirs, flags), await DyadFile.open(producer, ours, flags)]) {
        results.push(await outcome(() => call(file)), await outcome(() => file.close()))
        results.push(await outcome(() => call(file)))
      }
      t.same(results.slice(3), results.slice(0, 3), `${name} ${flags}`)
      t.same(await readFile(ours), await readFile(theirs), `${name} ${flags}: bytes`)
      t.equal((await stat(ours)).mode, (await stat(theirs)).mode, `${name} ${flags}: mode`)
    }
  }
})

t.test('what opening refuses', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await put(producer, 'x', '')
  const local = join(nodes.produced, 'x')
  await t.rejects(DyadFile.open(producer, 'x', 'wx'), { code: 'EEXIST', syscall: 'open', path: local })
  await t.rejects(DyadFile.open(producer, 'y', 'r+'), { code: 'ENOENT', syscall: 'open' })
  await t.rejects(DyadFile.open(producer, 'x', 'bogus'), { code: 'ERR_INVALID_ARG_VALUE' })
  await t.rejects(DyadFile.open(producer, 'x', 1.5), { code: 'ERR_INVALID_ARG_VALUE' })
  await t.rejects(DyadFile.open(producer, '.dyad-x', 'w'), { code: 'ERR_DYAD_PATH' })
  const signal = AbortSignal.abort(new RangeError('enough'))
  await t.rejects(DyadFile.open(producer, 'z', 'w', 0o666, { signal }), { message: 'enough' })
  t.same(await namesIn(nodes.produced), ['x'])
})

t.test('waiting ends by timeout and by signal', async (t) => {
  await using nodes = await TwoNodes.open()
  const [a] = await peers(nodes)
  for (const flags of ['r', 'r+', 'rs+']) {
    await t.rejects(DyadFile.open(a, 'x', flags, undefined, { timeout: 5 }), { code: 'ERR_DYAD_TIMEOUT' })
    const control = new AbortController()
    const opening = DyadFile.open(a, 'x', flags, undefined, { signal: control.signal })
    control.abort(new RangeError('enough'))
    await t.rejects(opening, { message: 'enough' })
  }
  t.equal(await nodes.waiters(), 0)
  t.same(await namesIn(join(nodes.root, 'a')), [])
})

t.test('flags that create wait for nobody', async (t) => {
  await using nodes = await TwoNodes.open()
  const [a, b] = await peers(nodes)
  for (const flags of ['w', 'w+', 'wx', 'wx+', 'a', 'a+', 'ax', 'ax+']) {
    const file = await DyadFile.open(a, flags, flags)
    await file.close()
    t.match(file.record, { size: 0, owner: 'a' }, flags)
    t.equal(await text(new DyadReadStream(b, flags)), '', flags)
  }
})

t.test('r+ and a+ change what is published, wherever it was written, and own it from then on', async (t) => {
  await using nodes = await TwoNodes.open()
  const [a, b] = await peers(nodes)
  const first = await put(a, 'x', 'abc')
  const file = await DyadFile.open(b, 'x', 'r+')
  t.equal(await file.readFile('utf8'), 'abc')
  await file.write('B', 1)
  await file.close()
  t.match(file.record, { owner: 'b', size: 3 })
  t.ok((file.record?.generation ?? 0) > first)
  t.equal(await text(new DyadReadStream(a, 'x')), 'aBc')
  const back = await DyadFile.open(a, 'x', 'a+')
  await back.appendFile('d')
  await back.close()
  t.match(back.record, { owner: 'a', size: 4 })
  t.equal(await text(new DyadReadStream(b, 'x')), 'aBcd')
})

t.test('r+ waits until there is something to change', async (t) => {
  await using nodes = await TwoNodes.open()
  const [a, b] = await peers(nodes)
  const opening = DyadFile.open(b, 'x', 'r+')
  await put(a, 'x', 'abc')
  const file = await opening
  t.equal(await file.readFile('utf8'), 'abc')
  await file.close()
})

t.test('a file that is opened for change and not changed is not published', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const generation = await put(producer, 'x', 'abc')
  for (const flags of ['r+', 'a', 'a+', 'rs+', 'as']) {
    const file = await DyadFile.open(producer, 'x', flags)
    await file.stat()
    await file.close()
    t.equal(file.record, undefined, flags)
  }
  t.match(await producer.lookup('x'), { generation })
})

t.test(
  'two directories: r+ changes the one of the producer, and what it does not hold is not waited for',
  async (t) => {
    await using nodes = await TwoNodes.open()
    const core = await nodes.producer({ consumerPath: nodes.consumed })
    await put(core, 'x', 'abc')
    const file = await DyadFile.open(core, 'x', 'r+')
    await file.write('X', 0)
    await file.close()
    t.equal(await readFile(join(nodes.produced, 'x'), 'utf8'), 'Xbc')
    t.equal(await text(new DyadReadStream(core, 'x')), 'Xbc')
    await t.rejects(DyadFile.open(core, 'y', 'r+'), { code: 'ENOENT' })
    const copy = await DyadFile.open(core, join(nodes.consumed, 'x'), 'r+')
    t.equal(await copy.readFile('utf8'), 'Xbc')
    await copy.write('Y', 0)
    await copy.close()
    t.equal(copy.record, undefined, 'a copy in the directory of the consumer is nobody else’s')
    t.equal(await text(new DyadReadStream(core, 'x')), 'Xbc', 'and not taken for the published file')
  },
)

t.test('disposing abandons', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const generation = await put(producer, 'old', 'abc')
  for (const [name, flags] of [
    ['new', 'w'],
    ['new', 'wx'],
    ['new', 'a+'],
    ['old', 'w'],
    ['old', 'w+'],
    ['old', 'r+'],
  ] as const) {
    {
      await using file = await DyadFile.open(producer, name, flags)
      await file.write('ABC')
      file.createWriteStream().write('D')
    }
    t.match(await producer.lookup('old'), { generation }, `${flags} ${name}`)
    t.equal(await producer.lookup('new', { wait: false }), undefined)
    t.same(await namesIn(nodes.produced), ['old'])
    if (flags !== 'r+') t.equal(await readFile(join(nodes.produced, 'old'), 'utf8'), 'abc')
  }
  {
    await using file = await DyadFile.open(producer, 'kept', 'w')
    await file.close()
  }
  t.match(await producer.lookup('kept', { wait: false }), { size: 0 })
  t.same(openFilesIn(nodes.root), [])
})

t.test('close tells why nothing was published; disposing after it is silent', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer({ namespace: 'absent' })
  const file = await DyadFile.open(producer, 'x', 'w')
  await t.rejects(file.close(), { code: 'ERR_DYAD_NAMESPACE_MISSING' })
  await file[Symbol.asyncDispose]()
  t.throws(() => fs.fstatSync(file.fd))
  t.same(await namesIn(nodes.produced), ['x'])
})

t.test('asyncPublish', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer({ asyncPublish: true })
  const file = await DyadFile.open(producer, 'x', 'w')
  await file.close()
  t.equal(file.record, undefined)
  await producer.flush()
  t.match(await producer.lookup('x', { wait: false }), { size: 0 })
})

t.test('streams over a file', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const file = await DyadFile.open(producer, 'x', 'w+')
  await pipeline('one\ntwo\n', file.createWriteStream())
  t.equal(await text(file.createReadStream({ start: 0, end: 2 })), 'one')
  const lines: string[] = []
  for await (const line of file.readLines({ start: 0 })) lines.push(line)
  t.same(lines, ['one', 'two'])
  const unread = file.createReadStream({ start: 0 })
  await once(unread, 'readable')
  const unfinished = file.createWriteStream({ start: 8, emitClose: false })
  unfinished.write('three')
  await file.close()
  t.ok(unread.destroyed)
  t.match(file.record, { size: 13 })
  t.equal(await readFile(join(nodes.produced, 'x'), 'utf8'), 'one\ntwo\nthree')
})

t.test('a stream that fails to write what is left keeps the file from being published', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await put(producer, 'x', 'abc')
  const file = await DyadFile.open(producer, 'y', 'w')
  const stream = file.createWriteStream()
  await new Promise((resolve) => stream.write('y', resolve))
  const failed = finished(stream).catch(() => {})
  stream.write('z', () => stream.destroy(new RangeError('full')))
  await t.rejects(file.close(), { message: 'full' })
  await failed
  t.same(await namesIn(nodes.produced), ['x'])
  t.equal(await producer.lookup('y', { wait: false }), undefined)
})

t.test('a path elsewhere is opened as it is', async (t) => {
  await using nodes = await TwoNodes.open()
  const core = await nodes.producer({ consumerPath: nodes.consumed })
  const url = new URL(`file://${nodes.root}/beside`)
  const file = await DyadFile.open(core, url, 'w+', 0o600)
  await file.writeFile('abc')
  await file.close()
  t.equal(file.record, undefined)
  for (const flags of ['r', 'r+', 'a+']) {
    await using again = await DyadFile.open(core, url, flags)
    t.equal(await again.readFile('utf8'), 'abc')
  }
  t.equal((await stat(url)).mode & 0o777, 0o600)
  await t.rejects(DyadFile.open(core, join(nodes.root, 'no')), { code: 'ENOENT' })
})
