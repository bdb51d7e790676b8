import { test } from 'tap'
import { LeastRate } from '../../src/transfer/least-rate.js'

test('an owner keeps the rate on average since it kept it last, by the time that it was waited for', async (t) => {
  const rate = new LeastRate(1_000)
  rate.waited(500)
  t.ok(rate.keeps(500))
  t.equal(rate.behind, 0)
  rate.waited(500)
  t.notOk(rate.keeps(400))
  t.equal(rate.behind, 500)
  rate.waited(500)
  t.match(rate.complaint(500), /^it sent 266\.7 bytes a second for 1500 ms; .*1000$/)
  t.ok(rate.keeps(600), 'it has caught up')
  t.match(rate.complaint(2_000), /^it stood still for 2000 ms/, 'what came before does not count')
})

test('without a least rate every byte counts', async (t) => {
  const rate = new LeastRate(0)
  rate.waited(1_000_000)
  t.ok(rate.keeps(1))
})
