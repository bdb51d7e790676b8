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
    t.throws(() => flatOptions(wrong), { code: 'ERR_DYAD_OPTION', message: /options are an object/ }, String(wrong))
})
