import t from 'tap'
import { compareForms } from '../../packages/register/test/compare-forms.js'

t.test('every synchronous form of node:fs publishes what it writes, and waits for what it reads', (t) =>
  compareForms(t, 'sync'),
)
