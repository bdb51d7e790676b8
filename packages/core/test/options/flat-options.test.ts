import { test } from 'tap'
import { flatOptions } from '../../src/options/flat-options.js'

test('options that an object inherits are options', async (t) => {
  class Defaults {
    start = 1
    get end() {
      return 2
    }
  }
  const options = Object.assign(Object.create({ start: 5, node: 'a' }), { node: 'b' })
  t.strictSame(flatOptions(options), { node: 'b', start: 5 })
  t.strictSame(flatOptions(new Defaults()), { start: 1 }, 'what does not enumerate is left out, as by node:fs')
  for (const wrong of [5, true, null, 'x', () => {}, Symbol('s')] as never[])
    t.throws(
      () => flatOptions(wrong),
      { code: 'ERR_DYAD_OPTION', message: /options is .*, not an object/ },
      String(wrong),
    )
})

test('a signal is an AbortSignal, and what tells of something is a function', async (t) => {
  const { signal } = new AbortController()
  const given = { signal, onWaiting: () => {}, once: 1 }
  t.strictSame(flatOptions(given), given)
  t.strictSame(flatOptions({ signal: undefined, onWaiting: undefined }), { signal: undefined, onWaiting: undefined })
  for (const name of ['signal', 'onWaiting', 'onStoreLost']) {
    for (const wrong of [null, 5, 'x', true, {}, [], Object.create(null)]) {
      const expected = { code: 'ERR_DYAD_OPTION', message: new RegExp(`${name} is .*, not an? (AbortSignal|function)`) }
      t.throws(() => flatOptions({ [name]: wrong }), expected, name)
      t.throws(() => flatOptions(Object.create({ [name]: wrong })), expected, 'inherited')
    }
  }
})
