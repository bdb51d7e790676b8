import { test } from 'tap'
import { DiskPace } from '../../src/files/disk-pace.js'

/** A clock that goes on by what a call takes. */
function paced() {
  let now = 1_000
  const pace = new DiskPace(20, () => now)
  const call = (ms: number) => pace.time(() => (now += ms))
  const pass = (ms: number) => {
    now += ms
  }
  /** How long it says that calls are slow. */
  const wary = () => {
    let ms = 0
    for (; pace.isSlow; ms++) pass(1)
    return ms
  }
  return { pace, call, pass, wary }
}

test('one call that had to wait is followed by a short while without', (t) => {
  const { pace, call, wary } = paced()
  call(20)
  t.equal(pace.isSlow, false)
  call(21)
  t.equal(pace.isSlow, true)
  t.equal(wary(), 250)
  t.end()
})

test('the while doubles as long as calls soon have to wait again, up to ten seconds, and is short once they have not for as long', (t) => {
  const { call, pass, wary } = paced()
  const whiles = Array.from({ length: 8 }, () => {
    call(30)
    return wary()
  })
  t.same(whiles, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  pass(9_000)
  call(30)
  t.equal(wary(), 10_000)
  pass(10_000)
  call(30)
  t.equal(wary(), 250)
  t.end()
})

test('gives what the call gives, and notes how long one took that failed', (t) => {
  const { pace, call, pass } = paced()
  t.equal(call(0), 1_000)
  t.throws(() =>
    pace.time(() => {
      pass(30)
      throw new RangeError('no')
    }),
  )
  t.equal(pace.isSlow, true)
  t.end()
})
