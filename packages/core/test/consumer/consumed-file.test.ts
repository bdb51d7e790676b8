import { openSync, truncateSync, writeFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import type { OnArrival } from '../../src/consumer/arrival.js'
import { ConsumedFile } from '../../src/consumer/consumed-file.js'
import { DyadError } from '../../src/errors.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import type { FileRecord } from '../../src/kvs/record.js'

const record = { path: 'x', owner: 'A', size: 10, generation: 5 } as FileRecord

/** A file that arrives at the test's word. */
async function arriving(root: string, pace = new DiskPace()) {
  let tell: OnArrival = () => {}
  let end: (record: FileRecord) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  let left: AbortSignal | undefined
  writeFileSync(`${root}/part`, 'here......')
  writeFileSync(`${root}/owner`, 'owner.....')
  const opening = ConsumedFile.open(`${root}/part`, pace, new AbortController().signal, (onArrival, leave) => {
    tell = onArrival
    left = leave
    return new Promise((resolve, reject) => {
      end = resolve
      fail = reject
      leave.addEventListener('abort', () => reject(leave.reason))
    })
  })
  const arrive = (
    stored: number,
    { atOwner = false, generation = 5, anew = undefined as DyadError | undefined } = {},
  ) =>
    tell({
      record: { ...record, generation },
      stored,
      anew,
      open: () => openSync(`${root}/part`, 'r'),
      ...(atOwner && { openAtOwner: () => openSync(`${root}/owner`, 'r') }),
    })
  return { opening, arrive, end: () => end(record), fail: (error: unknown) => fail(error), left: () => left?.aborted }
}

/** What a read gives, and whether it has given anything yet. */
function read(file: ConsumedFile, position: number, length = 4) {
  const result = new Promise<string>((resolve, reject) => {
    const buffer = Buffer.alloc(length)
    file.read(buffer, position, (error, bytes) => (error ? reject(error) : resolve(buffer.toString('utf8', 0, bytes))))
  })
  let done = false
  const settled = () => {
    done = true
  }
  result.then(settled, settled)
  return { result, isDone: () => turn().then(() => done) }
}

const close = (file: ConsumedFile) => new Promise<void>((resolve) => file.close(() => resolve()))

test('what is stored is read, the rest waited for, and the end comes with the whole file', async (t) => {
  const { opening, arrive, end } = await arriving(t.testdir())
  arrive(0)
  arrive(3)
  const file = await opening
  t.equal(await read(file, 0).result, 'her', 'no more than is stored')
  const next = read(file, 3)
  t.equal(await next.isDone(), false)
  arrive(10)
  t.equal(await next.result, 'e...')
  const last = read(file, 10)
  t.equal(await last.isDone(), false, 'every byte is stored, but the file is not at its place')
  end()
  t.equal(await last.result, '')
  await close(file)
})

test("the owner's file is read until what is stored was verified, and not after", async (t) => {
  const { opening, arrive, end } = await arriving(t.testdir())
  arrive(0, { atOwner: true })
  const file = await opening
  t.equal(await read(file, 0).result, 'owne', 'before a byte is stored')
  const beyond = read(file, 10)
  t.equal(await beyond.isDone(), false, 'its end is none')
  arrive(10)
  t.equal(await read(file, 0).result, 'here')
  end()
  t.equal(await read(file, 0).result, 'here')
  t.equal(await beyond.result, '')
  await close(file)
})

test('what fails to arrive, or arrives of another version, is an error and no end', async (t) => {
  const broken = new Error('broken')
  const one = await arriving(t.testdir())
  one.arrive(10)
  const file = await one.opening
  const waiting = read(file, 10)
  one.fail(broken)
  await t.rejects(waiting.result, broken)
  await t.rejects(read(file, 0).result, broken)
  await close(file)

  const two = await arriving(t.testdir())
  two.arrive(3)
  const old = await two.opening
  const next = read(old, 3)
  two.arrive(8, { generation: 6 })
  await t.rejects(next.result, { code: 'ERR_DYAD_CHANGED', path: 'x', node: 'A' })
  await close(old)

  const three = await arriving(t.testdir())
  three.fail(broken)
  await t.rejects(three.opening, broken)
})

/** As on a disk that is slow: each read goes through the thread pool. */
function slowPace(): DiskPace {
  const pace = new DiskPace(-1, () => 1)
  pace.time(() => {})
  return pace
}

test('a reader of what was not the published file hears why, and not that it is short', async (t) => {
  const root = t.testdir()
  const why = new DyadError('ERR_DYAD_CORRUPT', { path: 'x' })
  for (const [how, pace] of [
    ['at once', new DiskPace()],
    ['through the thread pool', slowPace()],
  ] as const) {
    const anew = await arriving(root, pace)
    anew.arrive(3)
    const one = await anew.opening
    truncateSync(`${root}/part`)
    const early = read(one, 0)
    anew.arrive(0, { anew: why })
    await t.rejects(early.result, why, `what arrives anew, read ${how}`)
    await close(one)

    const failing = await arriving(root, pace)
    failing.arrive(3)
    const other = await failing.opening
    truncateSync(`${root}/part`)
    const waiting = read(other, 0)
    t.equal(await waiting.isDone(), false)
    failing.fail(why)
    await t.rejects(waiting.result, why, `what does not arrive, read ${how}`)
    await close(other)
  }
})

test('who closes early ends what arrives, and what is being read', async (t) => {
  const { opening, arrive, left } = await arriving(t.testdir())
  arrive(3)
  const file = await opening
  const waiting = read(file, 3)
  t.equal(await waiting.isDone(), false)
  t.equal(left(), false)
  const closed = close(file)
  await t.rejects(waiting.result, { code: 'ERR_DYAD_CLOSED', path: 'x' })
  await closed
  t.equal(left(), true)
})

test('who takes gets memory of its own for what can be read, and others have a turn meanwhile', async (t) => {
  const size = 5 * 2 ** 20
  const root = t.testdir({ part: Buffer.alloc(size, 'x') })
  const file = ConsumedFile.whole(openSync(`${root}/part`, 'r'), new DiskPace(), { ...record, size })
  let turns = 0
  let counting: NodeJS.Immediate
  const count = () => {
    turns++
    counting = setImmediate(count)
  }
  count()
  t.teardown(() => clearImmediate(counting))
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    const more = (at: number) =>
      file.take(2 ** 16, at, (error, bytes) => {
        if (error) reject(error)
        else if (bytes === undefined) resolve()
        else {
          chunks.push(bytes)
          more(at + bytes.length)
        }
      })
    more(0)
  })
  t.equal(Buffer.concat(chunks).equals(Buffer.alloc(size, 'x')), true)
  t.equal(new Set(chunks.map(({ buffer }) => buffer)).size, 80)
  t.ok(turns > 4, `${turns} turns`)
  await close(file)
})

test('who gave others a turn reads nothing of a file that was closed meanwhile', async (t) => {
  const size = 3 * 2 ** 20
  const root = t.testdir({ part: Buffer.alloc(size, 'x') })
  const file = ConsumedFile.whole(openSync(`${root}/part`, 'r'), new DiskPace(), { ...record, size })
  await read(file, 0, 2 ** 20).result
  const next = read(file, 2 ** 20)
  await close(file)
  await t.rejects(next.result, { code: 'ERR_DYAD_CLOSED', path: 'x' })
})

test('a file that got shorter since it was published is an error and no end', async (t) => {
  const root = t.testdir({ part: 'short' })
  const file = ConsumedFile.whole(openSync(`${root}/part`, 'r'), new DiskPace(), record)
  t.equal(await read(file, 0, 16).result, 'short')
  await t.rejects(read(file, 5).result, { code: 'ERR_DYAD_CHANGED', path: 'x', node: 'A' })
  await close(file)
})

test('a file of another size that took its place before it was opened is not read as the published one', async (t) => {
  for (const other of ['longer than it was', 'shorter', '']) {
    const root = t.testdir()
    const { opening, end } = await arriving(root)
    writeFileSync(`${root}/part`, other)
    end()
    await t.rejects(opening, { code: 'ERR_DYAD_CHANGED', path: 'x', node: 'A' }, other)
  }
})

test('bytes that came with the record are read from it, in parts too', async (t) => {
  const root = t.testdir({ part: '..........' })
  const file = ConsumedFile.whole(openSync(`${root}/part`, 'r'), new DiskPace(), {
    ...record,
    inline: Buffer.from('0123456789'),
  })
  t.equal(await read(file, 0).result, '0123')
  t.equal(await read(file, 8).result, '89')
  t.equal(await read(file, 10).result, '')
  await close(file)
})

test('on a slow disk it is read through the thread pool, and closed once nothing is being read', async (t) => {
  const root = t.testdir({ part: '0123456789' })
  const pace = new DiskPace(-1)
  pace.time(() => {})
  t.equal(pace.isSlow, true)
  const file = ConsumedFile.whole(openSync(`${root}/part`, 'r'), pace, record)
  const reading = read(file, 0, 10)
  const closed = close(file)
  t.equal(openSync(`${root}/part`, 'r') === file.fd, false, 'its descriptor is not free yet')
  t.equal(await reading.result, '0123456789')
  await closed
})

test('who has read what turns out not to be the file fails; who has not reads what comes anew', async (t) => {
  const anew = new DyadError('ERR_DYAD_CORRUPT', { path: 'x', node: 'A' })
  for (const atOwner of [false, true]) {
    const reader = await arriving(t.testdir())
    reader.arrive(4, { atOwner })
    const file = await reader.opening
    await read(file, 0).result
    const next = read(file, atOwner ? 10 : 4)
    reader.arrive(0, { anew })
    await t.rejects(next.result, anew)
    await t.rejects(read(file, 0).result, anew)
    reader.arrive(10, { anew })
    await t.rejects(read(file, 0).result, anew, 'also when it is there again')
    await close(file)
    t.equal(reader.left(), false, 'what comes anew is for the next one')
    reader.end()
  }
  const { opening, arrive, end } = await arriving(t.testdir())
  arrive(4)
  const file = await opening
  arrive(0, { anew })
  const first = read(file, 0)
  t.equal(await first.isDone(), false)
  arrive(4, { anew })
  t.equal(await first.result, 'here')
  end()
  await close(file)

  const late = await arriving(t.testdir())
  late.arrive(4, { anew })
  t.equal(await read(await late.opening, 0).result, 'here', 'who comes after it knows nothing of it')
  late.end()
  await close(await late.opening)
})

test('closed once its bytes are here, it does not wait until they are in their place, and lets that go on', async (t) => {
  const { opening, arrive, left, end } = await arriving(t.testdir())
  arrive(10)
  const file = await opening
  await new Promise<void>((resolve) => file.close(() => resolve()))
  t.notOk(left())
  end()
})
