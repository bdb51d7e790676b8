import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import type { FileRecord } from '../../src/kvs/record.js'
import { PendingPublishes } from '../../src/producer/pending.js'

/** A publish that ends at the test's word. */
function publish() {
  let end: (record: FileRecord) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const ended = new Promise<FileRecord>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  const begun = { is: false }
  const work = () => {
    begun.is = true
    return ended
  }
  return { work, begun, end: () => end({} as FileRecord), fail: (error: Error) => fail(error) }
}

test('a path is published in order, others meanwhile', async (t) => {
  const pending = new PendingPublishes()
  const [first, second, other] = [publish(), publish(), publish()]
  await pending.add('x', first.work)
  await pending.add('x', second.work)
  await pending.add('y', other.work)
  await turn()
  t.strictSame([first.begun.is, second.begun.is, other.begun.is], [true, false, true])
  first.fail(new Error('broken'))
  await turn()
  t.equal(second.begun.is, true, 'one that failed does not keep the next from it')
  second.end()
  other.end()
  await t.rejects(pending.settle(), { message: 'broken' })
  await pending.settle()
})

test('the 4,096th waits until another has ended', async (t) => {
  const pending = new PendingPublishes()
  const all = Array.from({ length: 4_096 }, publish)
  let done = 0
  const adding = all.map((one, i) => Promise.resolve(pending.add(`${i}`, one.work)).then(() => done++))
  await turn()
  t.equal(done, 4_095)
  t.ok(
    all.every(({ begun }) => begun.is),
    'that it waits for is under way, too',
  )
  all[17]?.fail(new Error('broken'))
  await turn()
  t.equal(done, 4_096)
  for (const { end } of all) end()
  await Promise.all(adding)
  await t.rejects(pending.settle(), { message: 'broken' })
})

test('a session that nobody flushes keeps a bounded number of failures, and counts all', async (t) => {
  const pending = new PendingPublishes()
  for (let i = 0; i < 5_000; i++) {
    const one = publish()
    one.fail(new Error(`broken ${i}`))
    await pending.add(`${i}`, one.work)
  }
  const failure = await pending.settle().catch((error: AggregateError) => error)
  t.match(failure, { message: '5000 files could not be published' })
  t.equal(failure?.errors.length, 1_000)
  t.match(failure?.errors[0], { message: 'broken 0' }, 'the first of them')
  await pending.settle()
})
