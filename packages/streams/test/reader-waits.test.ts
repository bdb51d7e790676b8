import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { FileRecord } from '@dyad-ts/core'
import t from 'tap'
import { DyadReadStream, DyadWriteStream } from '../src/index.js'
import { namesIn, TwoNodes } from './session.js'

function eventsOf(stream: DyadReadStream): string[] {
  const seen: string[] = []
  for (const name of ['waiting', 'record', 'open', 'ready', 'end', 'error', 'close'])
    stream.on(name, () => seen.push(name))
  return seen
}

t.test('a file that is not published yet is waited for', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  const stream = new DyadReadStream(consumer, 'deep/in/x')
  const seen = eventsOf(stream)
  const records: FileRecord[] = []
  stream.on('record', (record) => records.push(record))
  await once(stream, 'waiting')
  t.ok(stream.pending)
  t.equal(await nodes.waiters(), 1)
  new DyadWriteStream(producer, 'deep/in/x').end('content')
  t.equal(await text(stream), 'content')
  t.same(seen, ['waiting', 'record', 'open', 'ready', 'end', 'close'])
  t.same(records, [await producer.lookup('deep/in/x')])
  t.same(await namesIn(nodes.consumed), ['deep', 'deep/in', 'deep/in/x'])
})

t.test('a published file is not waited for', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  await pipeline('one', new DyadWriteStream(producer, 'x'))
  const stream = new DyadReadStream(consumer, 'x', 'utf8')
  const seen = eventsOf(stream)
  t.equal(await text(stream), 'one')
  t.same(seen, ['record', 'open', 'ready', 'end', 'close'])
  await pipeline('two', new DyadWriteStream(producer, 'x'))
  t.equal(await text(new DyadReadStream(consumer, 'x')), 'two')
})

t.test('what an earlier run left is not taken for the file', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  await consumer.locateConsumed('x')
  await writeFile(join(nodes.consumed, 'x'), 'stale')
  await pipeline('fresh', new DyadWriteStream(producer, 'x'))
  t.equal(await text(new DyadReadStream(consumer, 'x')), 'fresh')
})

t.test('nobody publishes in time', async (t) => {
  await using nodes = await TwoNodes.open()
  for (const consumer of [
    await nodes.consumer(),
    await nodes.node('d', { consumerPath: nodes.consumed, timeout: 10 }),
  ]) {
    const stream = new DyadReadStream(consumer, 'never', consumer.config.timeout === 0 ? { timeout: 10 } : {})
    const seen = eventsOf(stream)
    await t.rejects(finished(stream), { code: 'ERR_DYAD_TIMEOUT', path: 'never' })
    t.same(seen, ['waiting', 'error', 'close'])
  }
  t.equal(await nodes.waiters(), 0)
  t.same(await namesIn(nodes.consumed), [])
})

t.test('a wait that is ended leaves nothing', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  await consumer.locateConsumed('x')
  const reason = new RangeError('enough')
  const ways: Record<string, (stream: DyadReadStream, control: AbortController) => unknown> = {
    'destroy()': (stream) => stream.destroy(),
    'destroy(error)': (stream) => stream.destroy(reason),
    signal: (_stream, control) => control.abort(reason),
    'async disposal': (stream) => stream[Symbol.asyncDispose](),
    'close()': (stream) => stream.close(),
  }
  const errors: Record<string, object | undefined> = {
    'destroy(error)': reason,
    signal: { name: 'AbortError', code: 'ABORT_ERR', cause: reason },
    'async disposal': { name: 'AbortError', code: 'ABORT_ERR' },
  }
  for (const [name, end] of Object.entries(ways)) {
    for (const options of [{}, { autoClose: false }]) {
      const control = new AbortController()
      const stream = new DyadReadStream(consumer, 'x', { ...options, signal: control.signal })
      const seen = eventsOf(stream)
      let error: unknown
      stream.on('error', (raised) => {
        error = raised
      })
      const closed = new Promise<void>((resolve) => stream.once('close', resolve))
      await once(stream, 'waiting')
      t.equal(await nodes.waiters(), 1, name)
      end(stream, control)
      await closed
      t.equal(await nodes.waiters(), 0, name)
      t.same(seen, errors[name] === undefined ? ['waiting', 'close'] : ['waiting', 'error', 'close'], name)
      if (errors[name] === undefined) t.equal(error, undefined, name)
      else t.match(error, errors[name], name)
    }
  }
  t.same(await namesIn(nodes.consumed), [])
})

t.test('a signal that has fired already', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  await consumer.locateConsumed('x')
  const reason = new RangeError('enough')
  const stream = new DyadReadStream(consumer, 'x', { signal: AbortSignal.abort(reason) })
  const seen = eventsOf(stream)
  await t.rejects(finished(stream), { name: 'AbortError', cause: reason })
  // Later questions get later answers.
  const later = new DyadReadStream(consumer, 'y')
  await once(later, 'waiting')
  t.equal(await nodes.waiters(), 1)
  later.destroy()
  t.same(seen, ['error', 'close'])
})

t.test('destroyed before it has asked', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  const stream = new DyadReadStream(consumer, 'x')
  const seen = eventsOf(stream)
  stream.destroy()
  await once(stream, 'close')
  t.same(seen, ['close'])
  const later = new DyadReadStream(consumer, 'y')
  await once(later, 'waiting')
  t.equal(await nodes.waiters(), 1)
  later.destroy()
})

t.test('thousands of waits on one signal', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  const control = new AbortController()
  const warnings: Error[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on('warning', warned)
  const streams = Array.from({ length: 2_000 }, (_, at) => {
    return new DyadReadStream(consumer, `x${at}`, { signal: control.signal })
  })
  await Promise.all(streams.map((stream) => once(stream, 'waiting')))
  const ends = streams.map((stream) =>
    finished(stream).then(
      () => 'ended',
      (error: Error) => error.name,
    ),
  )
  control.abort()
  t.same(new Set(await Promise.all(ends)), new Set(['AbortError']))
  t.equal(await nodes.waiters(), 0)
  process.off('warning', warned)
  t.same(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  )
})

t.test('the namespace is missing', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer({ namespace: 'absent' })
  await t.rejects(text(new DyadReadStream(consumer, 'x')), { code: 'ERR_DYAD_NAMESPACE_MISSING' })
})

t.test('the end of the session ends a wait', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  const stream = new DyadReadStream(consumer, 'x')
  await once(stream, 'waiting')
  const ended = t.rejects(finished(stream), { code: 'ERR_DYAD_CLOSED' })
  await consumer.close()
  await ended
})

t.test('flags that want the file empty bring nothing, those that change it bring it', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  await pipeline('abc', new DyadWriteStream(producer, 'x'))
  const anew = new DyadReadStream(consumer, 'x', { flags: 'wx+' })
  anew.on('record', () => t.fail('it was brought here'))
  t.equal(await text(anew), '')
  t.equal(await text(new DyadReadStream(consumer, 'y', { flags: 'w+' })), '')
  t.equal(await text(new DyadReadStream(consumer, 'x', { flags: 'a+' })), 'abc')
  t.equal(await text(new DyadReadStream(consumer, 'x', { flags: 'r+' })), 'abc')
  await t.rejects(text(new DyadReadStream(consumer, 'x', { flags: 'wx+' })), { code: 'EEXIST' })
  t.equal(await readFile(join(nodes.consumed, 'x'), 'utf8'), 'abc')
})

t.test('a listener that throws ends the process, as with every emitter, and is no error of the stream', async (t) => {
  const script = fileURLToPath(new URL('throwing-listener.ts', import.meta.url))
  for (const event of ['waiting', 'record', 'published']) {
    const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, ['--import=tsx', script, event], (error, stdout, stderr) =>
        resolve({ code: error?.code, stdout, stderr }),
      )
    })
    t.equal(code, 1, event)
    t.match(stderr, 'RangeError: thrown by a listener', event)
    t.equal(stdout, '', event)
  }
})
