import { test } from 'tap'
import { outcomeOf, type Round } from '../outcome.js'
import type { Row } from '../row.js'

const row: Row = {
  title: 'speed',
  value: 'speed',
  unit: 'MiB/s',
  against: { value: 'plain', title: 'C stream' },
  target: { bound: 'at least', value: 0.5 },
}
const judged = { baselineTitle: undefined, judges: true, standsIn: false }

function rounds(...pairs: [plain: number, speed: number][]): Round[] {
  return pairs.map(([plain, speed]) => ({ baseline: { plain }, measure: { speed } }))
}

test('the ratio is formed within each round', async (t) => {
  // A minute in which everything was ten times slower changes no ratio; that of the medians would
  // be 1.
  const outcome = outcomeOf(row, rounds([100, 50], [10, 5], [60, 30], [200, 100], [20, 10]), judged)
  t.same(outcome.ratio, { median: 0.5, min: 0.5, max: 0.5 })
  t.same(outcome.measure, { median: 30, min: 5, max: 100 })
  t.same(outcome.baseline, { median: 60, min: 10, max: 200 })
  t.equal(outcome.verdict, 'reached')
  t.equal(outcome.baselineTitle, 'C stream')
})

test('a median on the wrong side of the target is short', async (t) => {
  t.equal(outcomeOf(row, rounds([100, 90], [100, 49], [100, 49]), judged).verdict, 'short')
  const atMost: Row = { ...row, target: { bound: 'at most', value: 0.5 } }
  t.equal(outcomeOf(atMost, rounds([100, 50]), judged).verdict, 'reached')
  t.equal(outcomeOf(atMost, rounds([100, 51]), judged).verdict, 'short')
})

test('a figure without a baseline is judged by itself', async (t) => {
  const alone: Row = { title: 'memory', value: 'bytes', unit: 'MiB', target: { bound: 'at most', value: 96 } }
  const outcome = outcomeOf(alone, [{ baseline: {}, measure: { bytes: 95 } }], judged)
  t.equal(outcome.verdict, 'reached')
  t.equal(outcome.ratio, undefined)
})

test('nothing is judged that has no target, or in a form that means nothing', async (t) => {
  t.equal(outcomeOf({ ...row, target: undefined }, rounds([100, 1]), judged).verdict, 'ran')
  t.equal(outcomeOf(row, rounds([100, 1]), { ...judged, judges: false }).verdict, 'ran')
})

test('a baseline of nothing gives no ratio', async (t) => {
  const outcome = outcomeOf(row, rounds([0, 1], [1, 1]), judged)
  t.equal(outcome.ratio, undefined)
  t.equal(outcome.verdict, 'ran')
})

test('a baseline that is another than announced says so', async (t) => {
  t.equal(outcomeOf(row, rounds([1, 1]), { ...judged, baselineTitle: 'in Node' }).baselineTitle, 'in Node')
})

test('a figure that nobody measured is a fault', async (t) => {
  t.throws(() => outcomeOf({ ...row, value: 'sped' }, rounds([1, 1]), judged), /no figure 'sped'/)
  t.throws(() => outcomeOf(row, rounds([1, Number.NaN]), judged), /no figure 'speed'/)
})

test('a baseline that stands in for another is shown, and judged by nothing', async (t) => {
  const outcome = outcomeOf(row, rounds([100, 90]), { ...judged, standsIn: true })
  t.match(outcome, { verdict: 'n.a.', ratio: { median: 0.9 } })
  t.equal(outcomeOf({ ...row, target: undefined }, rounds([1, 1]), { ...judged, standsIn: true }).verdict, 'ran')
})
