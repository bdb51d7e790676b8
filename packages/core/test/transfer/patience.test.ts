import { test } from 'tap'
import { Patience } from '../../src/transfer/patience.js'

test('pauses grow up to a second, and end with patience', async (t) => {
  const patience = new Patience(1_000_000)
  const pauses = Array.from({ length: 12 }, () => patience.nextDelay() as number)
  for (const [i, pause] of pauses.entries()) {
    const whole = Math.min(1_000, 50 * 2 ** i)
    t.ok(pause >= whole / 2 && pause <= whole, `${i}: ${pause}`)
  }
  patience.renew()
  t.ok((patience.nextDelay() as number) <= 50, 'after progress they begin anew')
  t.equal(new Patience(1).nextDelay(), undefined, 'a pause that is longer than patience is none')
})

test('a pause ends with its signal', async (t) => {
  const control = new AbortController()
  const pausing = new Patience(10).pause(1_000_000, control.signal)
  control.abort(new Error('left'))
  await t.rejects(pausing, { message: 'left' })
})
