import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { RightOfWay } from '../../src/consumer/right-of-way.js'

/** Whether a promise has settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  promise.then(
    () => {
      done = true
    },
    () => {
      done = true
    },
  )
  await turn()
  return done
}

/** Work that was asked for, which ends at the test's word. */
function asked(way: RightOfWay, path: string) {
  let end: () => void = () => {}
  let fail: (error: Error) => void = () => {}
  const done = way.first(
    path,
    () =>
      new Promise<void>((resolve, reject) => {
        end = resolve
        fail = reject
      }),
  )
  return { done, end: () => end(), fail: (error: Error) => fail(error) }
}

const never = new AbortController().signal

test('what nobody asked for stands still while anything is asked for', async (t) => {
  const way = new RightOfWay()
  await way.give('ahead', never)
  const [one, two] = [asked(way, 'one'), asked(way, 'two')]
  const waiting = way.give('ahead', never)
  t.equal(await isDone(waiting), false)
  one.end()
  await one.done
  t.equal(await isDone(waiting), false, 'until nothing is')
  two.fail(new Error('broken'))
  await t.rejects(two.done, { message: 'broken' })
  t.equal(await isDone(waiting), true, 'however it ended')
  await way.give('ahead', never)
})

test('it goes on once it is asked for itself, as long as it is', async (t) => {
  const way = new RightOfWay()
  const other = asked(way, 'other')
  const waiting = way.give('ahead', never)
  t.equal(await isDone(waiting), false)
  const [mine, again] = [asked(way, 'ahead'), asked(way, 'ahead')]
  t.equal(await isDone(waiting), true)
  mine.end()
  await mine.done
  await way.give('ahead', never)
  again.end()
  await again.done
  const still = way.give('ahead', never)
  t.equal(await isDone(still), false, 'who asked for it has it')
  other.end()
  await Promise.all([other.done, still])
})

test('standing still ends with its signal', async (t) => {
  const way = new RightOfWay()
  const other = asked(way, 'other')
  const control = new AbortController()
  const waiting = way.give('ahead', control.signal)
  control.abort(new Error('left'))
  await t.rejects(waiting, { message: 'left' })
  await t.rejects(way.give('ahead', control.signal), { message: 'left' })
  other.end()
  await other.done
})
