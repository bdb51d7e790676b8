import { once } from 'node:events'
import fs from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DyadCore, ReadDone } from '@dyad-ts/core'
import t from 'tap'
import { DyadReadStream } from '../src/index.js'
import { openFilesIn, TwoNodes } from './session.js'

const SIZE = 300_001
const CONTENT = Buffer.alloc(SIZE, 'abcdefg')

async function published(...names: string[]) {
  const nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  for (const name of names) {
    await writeFile(join(nodes.produced, name), CONTENT)
    await producer.produce(name)
  }
  return { nodes, producer, consumer: await nodes.consumer() }
}

/** Copies within this host continue to the end of a piece. */
async function allClosed({ root }: TwoNodes): Promise<void> {
  while (openFilesIn(root).length > 0) await new Promise((resolve) => setTimeout(resolve, 1))
}

async function copyOf(stream: DyadReadStream) {
  const chunks: Buffer[] = []
  const memories = new Set<ArrayBufferLike>()
  for await (const chunk of stream.lend()) {
    memories.add(chunk.buffer)
    chunks.push(Buffer.from(chunk))
  }
  return { bytes: Buffer.concat(chunks), memories: memories.size, sizes: chunks.map(({ length }) => length) }
}

t.test('lends every byte in one and the same memory, and is closed after it', async (t) => {
  const { nodes, consumer } = await published('x')
  await using _ = nodes
  const stream = new DyadReadStream(consumer, 'x', { highWaterMark: 100_000 })
  const { bytes, memories, sizes } = await copyOf(stream)
  t.equal(bytes.equals(CONTENT), true)
  t.equal(memories, 1)
  t.ok(sizes.every((size) => size <= 100_000))
  t.match(stream, { destroyed: true, closed: true, errored: null, bytesRead: SIZE })
  t.ok(fs.readFileSync(join(nodes.consumed, 'x')).equals(CONTENT), 'the whole file is at its path')
  t.same(openFilesIn(nodes.root), [])
})

t.test('lends what `start` and `end` tell, and nothing beyond the end of the file', async (t) => {
  const { nodes, consumer } = await published('x')
  await using _ = nodes
  for (const [start, end] of [
    [5, 11],
    [299_990, 400_000],
    [400_000, undefined],
    [undefined, 3],
  ]) {
    const { bytes } = await copyOf(new DyadReadStream(consumer, 'x', { start, end }))
    t.equal(bytes.equals(CONTENT.subarray(start ?? 0, (end ?? SIZE) + 1)), true, `${start} to ${end}`)
  }
  const byByte = await copyOf(new DyadReadStream(consumer, 'x', { end: 9, highWaterMark: 0 }))
  t.match(byByte, { sizes: Array(10).fill(1), bytes: CONTENT.subarray(0, 10) }, 'one byte at a time at least')
})

t.test('goes on where the stream has come to, and stays open with autoClose off', async (t) => {
  const { nodes, consumer } = await published('x')
  await using _ = nodes
  const stream = new DyadReadStream(consumer, 'x', { highWaterMark: 1_000, autoClose: false })
  t.same((await copyOf(stream)).bytes.length, SIZE)
  t.same(await copyOf(stream), { bytes: Buffer.alloc(0), memories: 0, sizes: [] })
  t.equal(stream.destroyed, false)
  t.equal(openFilesIn(nodes.root).length, 1)
  await new Promise((resolve) => stream.close(resolve))
  t.same(openFilesIn(nodes.root), [])
})

t.test('who leaves the loop has closed the stream', async (t) => {
  const { nodes, consumer } = await published('x')
  await using _ = nodes
  const stream = new DyadReadStream(consumer, 'x', { emitClose: false })
  for await (const chunk of stream.lend()) {
    t.equal(chunk.length, 65_536)
    break
  }
  t.match(stream, { destroyed: true, closed: true })
  await allClosed(nodes)
})

t.test('throws what the stream is destroyed with: before it opens, between chunks, and while it waits', async (t) => {
  const { nodes, consumer } = await published('x')
  await using _ = nodes
  const destroyed = new DyadReadStream(consumer, 'x').destroy()
  await t.rejects(copyOf(destroyed), { code: 'ERR_DYAD_CLOSED' })

  const midway = new DyadReadStream(consumer, 'x')
  const lent = midway.lend()
  await lent.next()
  midway.destroy(new RangeError('enough'))
  await t.rejects(lent.next(), { name: 'RangeError', message: 'enough' })

  const aborting = new AbortController()
  const waiting = new DyadReadStream(consumer, 'nobody', { signal: aborting.signal })
  const copying = copyOf(waiting)
  waiting.once('waiting', () => aborting.abort())
  await t.rejects(copying, { name: 'AbortError' })

  await t.rejects(copyOf(new DyadReadStream(consumer, 'nobody', { timeout: 20 })), { code: 'ERR_DYAD_TIMEOUT' })
  await allClosed(nodes)
})

t.test('throws what it is destroyed with while bytes are waited for', async (t) => {
  let waiting: ReadDone = () => {}
  /** A file that never delivers more, until it is closed. */
  const file = {
    fd: 1_000_000,
    record: { size: 10 },
    read: (_memory: Uint8Array, _position: number, done: ReadDone) => {
      waiting = done
    },
    close: (done: () => void) => {
      waiting(new Error('closed'), 0)
      done()
    },
  }
  const core = { locateConsumed: async () => ({ path: 'x', local: '/x' }), openConsumed: async () => file }
  const stream = new DyadReadStream(core as unknown as DyadCore, 'x')
  const next = stream.lend().next()
  await once(stream, 'ready')
  await new Promise((resolve) => setImmediate(resolve))
  stream.destroy(new RangeError('enough'))
  await t.rejects(next, { name: 'RangeError', message: 'enough' })
})

t.test('of a file that is not managed it gives the chunks of node:fs', async (t) => {
  const { nodes, consumer } = await published()
  await using _ = nodes
  const beside = join(nodes.root, 'beside')
  await mkdir(beside)
  await writeFile(join(beside, 'x'), CONTENT)
  t.equal((await copyOf(new DyadReadStream(consumer, join(beside, 'x')))).bytes.equals(CONTENT), true)
  await t.rejects(copyOf(new DyadReadStream(consumer, join(beside, 'missing'))), { code: 'ENOENT' })
})
