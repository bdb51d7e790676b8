import { test } from 'tap'
import { within } from '../../src/deadline.js'
import { LONGEST_MS, milliseconds, wholeNumber } from '../../src/options/given-number.js'

test('a time is a number from the least on, and for ever where no timer is that long', async (t) => {
  for (const [given, taken] of [
    [0, 0],
    [0.25, 1],
    [5, 5],
    [LONGEST_MS, LONGEST_MS],
    [2 ** 40, LONGEST_MS],
    [Number.MAX_VALUE, LONGEST_MS],
    [Number.POSITIVE_INFINITY, LONGEST_MS],
  ] as const) {
    t.equal(milliseconds('timeout', given), taken, `${given}`)
  }
  for (const [given, shown] of [
    [Number.NaN, 'NaN'],
    [-1, '-1'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    ['5', '"5"'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [5n, '5'],
    [new Date(5), ''],
    [{}, ''],
  ] as const) {
    const message = `timeout is ${shown}`
    t.throws(() => milliseconds('timeout', given), { code: 'ERR_DYAD_OPTION', message }, message)
  }
  t.throws(() => milliseconds('ttl', 0, 1), { code: 'ERR_DYAD_OPTION', message: 'ttl is 0, not' })
})

test('a whole number is within its bounds', async (t) => {
  t.equal(wholeNumber('port', 0, 0, 65_535), 0)
  t.equal(wholeNumber('port', 65_535, 0, 65_535), 65_535)
  for (const given of [-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '80', null, undefined, 80n]) {
    t.throws(() => wholeNumber('port', given, 0, 65_535), { code: 'ERR_DYAD_OPTION', message: 'port is ' }, `${given}`)
  }
})

test('what is for ever does not end at once, nor by a timer', async (t) => {
  for (const given of [0, 2 ** 40, Number.POSITIVE_INFINITY]) {
    const ms = milliseconds('timeout', given)
    const control = new AbortController()
    const reason = new Error('by the caller')
    const waiting = within(
      ms,
      () => new Error('late'),
      control.signal,
      async (signal) => {
        t.equal(signal, control.signal, 'there is no signal, and no timer, of its own')
        // Longer than a timer takes that fires at once.
        await new Promise((resolve) => setTimeout(resolve, 5))
        control.abort(reason)
        signal.throwIfAborted()
      },
    )
    await t.rejects(waiting, reason)
  }
})
