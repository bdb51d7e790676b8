import t from 'tap'
import { compareForms } from './compare-forms.js'

t.test('every asynchronous form of node:fs publishes what it writes, and waits for what it reads', (t) =>
  compareForms(t, 'async'),
)
