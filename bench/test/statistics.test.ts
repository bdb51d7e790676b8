import { test } from 'tap'
import { mean, quantile, summarize } from '../statistics.js'

test('the median is the middle one, or between the two in the middle', async (t) => {
  t.same(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.same(summarize([10, 4, 1, 2]), { median: 3, min: 1, max: 10 })
  t.same(summarize([7]), { median: 7, min: 7, max: 7 })
})

test('figures are ordered as numbers, and stay where they were', async (t) => {
  const figures = [100, 9, 20]
  t.equal(summarize(figures).median, 20)
  t.same(figures, [100, 9, 20])
})

test('a quantile lies between its neighbours', async (t) => {
  const figures = Array.from({ length: 101 }, (_, i) => i)
  t.equal(quantile(figures, 0.95), 95)
  t.equal(quantile([0, 10], 0.25), 2.5)
})

test('of no figures there is none of them', async (t) => {
  t.throws(() => summarize([]), RangeError)
  t.throws(() => mean([]), RangeError)
  t.equal(mean([1, 2, 6]), 3)
})
