import { finished } from 'node:stream/promises'
import t from 'tap'
import { DyadReadStream, DyadWriteStream } from '../src/index.js'
import { TwoNodes } from './session.js'

t.test('a chunk that is kept holds no memory but its own', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  const small = [1, 10, 100, 1_000]
  const files = [...small.map((size) => ({ path: `inline-${size}`, size })), { path: 'large', size: 50_000 }]
  for (const { path, size } of files) {
    await finished(new DyadWriteStream(producer, path).end(Buffer.alloc(size, 'x')))
    for (const highWaterMark of [...small, 4_000, 65_536]) {
      const kept: Buffer[] = []
      // Once while it is brought here, and once where it stands.
      for (let i = 0; i < 2; i++)
        for await (const chunk of new DyadReadStream(consumer, path, { highWaterMark })) kept.push(chunk as Buffer)
      const bytes = kept.reduce((sum, { length }) => sum + length, 0)
      const held = [...new Set(kept.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)
      t.equal(bytes, 2 * size)
      t.equal(held, bytes, `${path} in chunks of ${highWaterMark}`)
    }
  }
})
