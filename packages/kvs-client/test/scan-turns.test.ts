import { test } from 'tap'
import { ScanTurns } from '../src/broker/scan-turns.js'

/**
 * Returns a scan of so many slices, each of which takes a whole turn. It notes them under its name.
 */
function scanOf(name: string, slices: number, notes: string[]) {
  let left = slices
  return {
    step: () => {
      notes.push(name)
      left--
      return { cost: 10_000, again: left > 0 }
    },
  }
}

const turn = () => new Promise(setImmediate)

test('sessions have their slices in turn, whatever each has to scan', async (t) => {
  const turns = new ScanTurns()
  const notes: string[] = []
  const [one, other] = [{}, {}]
  for (const name of ['a', 'b', 'c']) turns.run(one, scanOf(name, 2, notes))
  turns.run(other, scanOf('x', 3, notes))
  t.strictSame(notes, ['a'], 'one slice at once')
  while (notes.length < 9) await turn()
  t.strictSame(notes, ['a', 'a', 'x', 'b', 'x', 'c', 'x', 'b', 'c'])
})

test('what costs little is done at once, and much of it in one turn', async (t) => {
  const turns = new ScanTurns()
  let done = 0
  const small = { step: () => ({ cost: 1 + done++ * 0, again: false }) }
  for (let n = 0; n < 10_000; n++) turns.run({}, small)
  t.equal(done, 4_096)
  await turn()
  t.equal(done, 2 * 4_096)
  await turn()
  t.equal(done, 10_000)
})

test('one slice a turn, so that whatever else there is to do comes in between', async (t) => {
  const turns = new ScanTurns()
  const notes: string[] = []
  for (let n = 0; n < 5; n++) turns.run({}, scanOf(String(n), 1, notes))
  for (let n = 1; n < 5; n++) {
    await turn()
    t.equal(notes.length, n + 1)
  }
})
