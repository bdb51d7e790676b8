import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type EventEmitter, once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { withDescriptors } from '@dyad-ts/core/internal'
import { test } from 'tap'
import { outcomeOf } from '../../../test/harness/child.js'
import { startLimited } from '../../../test/harness/limited-process.js'
import { DyadFile, DyadReadStream, DyadWriteStream } from '../src/index.js'
import { namesIn, TwoNodes } from './session.js'

/** Waits for a descriptor before all later callers. */
class FirstInLine {
  #isOver = false
  #tried = () => {}
  readonly waiting = withDescriptors(() => {
    this.#tried()
    if (!this.#isOver) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  })

  /** Resolves after it has tried twice more. Work that need not wait for it is done by then. */
  async settled(): Promise<void> {
    for (let n = 0; n < 2; n++) {
      await new Promise<void>((resolve) => {
        this.#tried = resolve
      })
    }
  }

  goOn(): void {
    this.#isOver = true
  }
}

test('streams and files wait for a descriptor, and go on by themselves', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  const before = new DyadWriteStream(producer, 'before')
  await finished(before.end('x'.repeat(10_000)))
  const first = new FirstInLine()
  const writer = new DyadWriteStream(producer, 'f')
  const reader = new DyadReadStream(consumer, 'before')
  const opening = DyadFile.open(producer, 'g', 'w')
  let opened = 0
  for (const stream of [writer, reader] as EventEmitter[]) stream.once('open', () => opened++)
  void opening.then(() => opened++)
  await first.settled()
  t.equal(opened, 0, 'nobody overtakes')
  first.goOn()
  await finished(writer.end('whole'))
  t.equal((await reader.toArray()).join('').length, 10_000)
  const file = await opening
  await file.writeFile('whole')
  await file.close()
  t.equal(opened, 3, 'all had their turn')
})

test('whatever opens a file waits for its turn', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  for (const [name, size] of Object.entries({ small: 10, large: 100_000 })) {
    await finished(new DyadWriteStream(producer, name).end('x'.repeat(size)))
    await consumer.consume(name)
  }
  const outside = join(nodes.root, 'outside')
  await writeFile(outside, 'outside')
  const closed = async (opening: Promise<DyadFile>) => (await opening).close()
  const opens: Readonly<Record<string, () => Promise<unknown>>> = {
    'a small file that stands': () => new DyadReadStream(consumer, 'small').toArray(),
    'a large file that stands': () => new DyadReadStream(consumer, 'large').toArray(),
    'a small one, to be consumed': () => consumer.consume('small'),
    'a large one, to be consumed': () => consumer.consume('large'),
    'one that is read and written': () => new DyadReadStream(consumer, 'large', { flags: 'r+' }).toArray(),
    'one that is no managed file': () => new DyadReadStream(consumer, outside).toArray(),
    'one that is no managed file, by a handle': () => closed(DyadFile.open(consumer, outside)),
    'one that is no managed file, to write': () => finished(new DyadWriteStream(producer, `${outside}-too`).end('x')),
    'a handle': () => closed(DyadFile.open(consumer, 'large')),
    'a file that is published where it is': () => producer.produce('small'),
    'one that is appended to': () => finished(new DyadWriteStream(producer, 'large', { flags: 'a' }).end('x')),
  }
  for (const [name, open] of Object.entries(opens)) {
    const first = new FirstInLine()
    let isDone = false
    const opening = open().then(() => {
      isDone = true
    })
    await first.settled()
    t.notOk(isDone, `${name} waits`)
    first.goOn()
    await opening
    t.ok(isDone, `${name} goes on`)
  }
})

test('publishing waits for its turn before it stores the record, and again before it looks at the file', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await writeFile(join(nodes.produced, 'x'), 'content')
  let second: FirstInLine | undefined
  const stored = new Promise<void>((resolve) => {
    const heard = () => {
      unsubscribe('dyad.producer.published', heard)
      second = new FirstInLine()
      resolve()
    }
    subscribe('dyad.producer.published', heard)
  })
  const first = new FirstInLine()
  let isDone = false
  const producing = producer.produce('x').then(() => {
    isDone = true
  })
  await first.settled()
  t.equal(second, undefined, 'nothing is stored')
  first.goOn()
  await stored
  await second?.settled()
  t.notOk(isDone)
  second?.goOn()
  await producing
})

test('whoever does not want to wait for a descriptor any more leaves nothing, and no error', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  await finished(new DyadWriteStream(producer, 'before').end('x'.repeat(10_000)))
  const first = new FirstInLine()
  const streams = [new DyadWriteStream(producer, 'f'), new DyadReadStream(consumer, 'before')]
  const closed = streams.map((stream) => once(stream, 'close'))
  const control = new AbortController()
  const opening = DyadFile.open(consumer, 'before', 'r', undefined, { signal: control.signal })
  const refused = t.rejects(opening, /enough/)
  await first.settled()
  for (const stream of streams) stream.destroy()
  control.abort(new Error('enough'))
  await Promise.all(closed)
  await refused
  t.strictSame(await namesIn(nodes.produced), ['before'])
  t.strictSame(await namesIn(nodes.consumed), [])
  first.goOn()
})

test('writers that each take two descriptors hold none while they wait', async (t) => {
  const program = `
    import { writeManyAtOnce } from ${JSON.stringify(new URL('few-descriptors.ts', import.meta.url).href)}
    process.stdout.write(JSON.stringify(await writeManyAtOnce()))`
  const { stdout, stderr } = await outcomeOf(startLimited(t, 128, program))
  t.equal(stderr, '')
  t.same(JSON.parse(stdout), { published: 300, files: 300 })
})
