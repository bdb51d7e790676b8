import type { EventEmitter } from 'node:events'
import fs from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import t from 'tap'
import { DyadFile, DyadReadStream, DyadWriteStream } from '../src/index.js'
import { TwoNodes } from './session.js'
import { outcome } from './trace.js'

/** Opens a session whose two managed directories are one, with a file in it. */
async function session(nodes: TwoNodes) {
  const core = await nodes.node('n', { producerPath: nodes.produced, consumerPath: nodes.produced })
  const writer = new DyadWriteStream(core, 'x')
  writer.end('0123456789')
  await finished(writer)
  return core
}

/** Returns an object that inherits the options, like those of a class or of Object.create. */
function inherited(options: object): object {
  return Object.create(options)
}

t.test('a reader reads the range that its options inherit', async (t) => {
  await using nodes = await TwoNodes.open()
  const core = await session(nodes)
  const options = inherited({ start: 2, end: 4, encoding: 'utf8', highWaterMark: 1 })
  t.equal(await text(new DyadReadStream(core, 'x', options)), '234')
  t.equal(await text(new DyadReadStream(core, 'x', inherited(options))), '234', 'over two steps')
  const late = new DyadReadStream(core, 'never', inherited({ timeout: 5 }))
  await t.rejects(finished(late), { code: 'ERR_DYAD_TIMEOUT' }, 'and obeys an inherited timeout')
  const control = new AbortController()
  const ended = new DyadReadStream(core, 'never', inherited({ signal: control.signal }))
  control.abort()
  await t.rejects(finished(ended), { name: 'AbortError' }, 'and an inherited signal')
})

t.test('a writer writes where its options inherit it to', async (t) => {
  await using nodes = await TwoNodes.open()
  const core = await session(nodes)
  const writer = new DyadWriteStream(core, 'x', inherited({ flags: 'r+', start: 3 }))
  writer.end('ab')
  await finished(writer)
  t.equal(await readFile(join(nodes.produced, 'x'), 'utf8'), '012ab56789')
  const open = new DyadWriteStream(core, 'y', inherited({ autoClose: false }))
  open.end('late')
  await new Promise<void>((resolve) => open.once('finish', resolve))
  t.equal(await core.lookup('y', { wait: false }), undefined, 'an inherited autoClose keeps it open')
  open.destroy()
  await new Promise<void>((resolve) => open.once('close', resolve))
  t.match(await core.lookup('y', { wait: false }), { size: 4 })
})

t.test('options of a wrong kind throw, or are ignored, as with node:fs', async (t) => {
  await using nodes = await TwoNodes.open()
  const core = await session(nodes)
  const local = join(nodes.root, 'plain')
  await writeFile(local, '')
  const kinds = [42, true, Symbol('s'), 4n, 'no encoding', { encoding: 'no encoding' }, { signal: 'none' }]
  for (const options of [...kinds, null, undefined, () => {}, [], 'hex'] as never[]) {
    const made = (make: () => fs.ReadStream | fs.WriteStream) =>
      outcome(() => {
        make().destroy()
        return 'a stream'
      })
    const what = typeof options === 'symbol' ? 'a symbol' : JSON.stringify(options, (_, value) => String(value))
    t.same(
      await made(() => new DyadReadStream(core, 'x', options)),
      await made(() => fs.createReadStream(local, options)),
      `a reader with ${what}`,
    )
    t.same(
      await made(() => new DyadWriteStream(core, 'z', options)),
      await made(() => fs.createWriteStream(local, options)),
      `a writer with ${what}`,
    )
  }
})

t.test('destroy() calls back once the stream is closed', async (t) => {
  await using nodes = await TwoNodes.open()
  const core = await session(nodes)
  const destroy = (stream: fs.ReadStream | fs.WriteStream, error: Error | null) =>
    new Promise((resolve) => {
      const emitter: EventEmitter = stream
      emitter.on('error', () => {})
      // Node takes a callback, which its types omit.
      const destroying = stream.destroy as unknown as (error: Error | null, done: (error: unknown) => void) => void
      destroying.call(stream, error, resolve)
    })
  const failure = new Error('enough')
  for (const path of ['x', 'never']) {
    t.notOk(await destroy(new DyadReadStream(core, path), null), `a reader of ${path}`)
    t.equal(await destroy(new DyadReadStream(core, path), failure), failure, `a reader of ${path}, with an error`)
  }
  t.notOk(await destroy(new DyadWriteStream(core, 'w'), null), 'a writer')
  t.equal(await destroy(new DyadWriteStream(core, 'w'), failure), failure, 'a writer, with an error')
})

t.test('sessions and files take options that are inherited, and refuse what is no object', async (t) => {
  await using nodes = await TwoNodes.open()
  const core = await session(nodes)
  const calls: Record<string, (options: never) => Promise<unknown>> = {
    consume: (options) => core.consume('never', options),
    lookup: (options) => core.lookup('never', options),
    'DyadFile.open': (options) => DyadFile.open(core, 'never', 'r', undefined, options),
  }
  for (const [name, call] of Object.entries(calls)) {
    await t.rejects(call(inherited({ timeout: 5 }) as never), { code: 'ERR_DYAD_TIMEOUT' }, `${name}: a timeout`)
    for (const wrong of [5, true, null, 'x', () => {}] as never[])
      await t.rejects(
        call(wrong),
        { code: 'ERR_DYAD_OPTION', message: /options is .+, not an object/ },
        `${name}: ${wrong}`,
      )
  }
})
