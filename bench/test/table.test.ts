import { test } from 'tap'
import type { ComparisonOutcome } from '../outcome.js'
import { countOf, digits, markdownTable, reasonsList, rowsTable } from '../table.js'

const speed: ComparisonOutcome = {
  title: '8 files',
  rounds: [],
  rows: [
    {
      row: {
        title: '8 files over `tcp`',
        value: 'speed',
        unit: 'MiB/s',
        against: { value: 'speed', title: 'C stream' },
        target: { bound: 'at least', value: 1 },
      },
      verdict: 'reached',
      measure: { median: 1234.4, min: 1000, max: 1500 },
      baseline: { median: 1100, min: 1, max: 2000 },
      ratio: { median: 1.118, min: 0.97, max: 1.2 },
      baselineTitle: 'C stream',
    },
  ],
}
const missing: ComparisonOutcome = {
  title: 'fan-out',
  rounds: [],
  rows: [
    {
      row: { title: 'what is sent', value: 'copies', unit: 'copies', target: { bound: 'at most', value: 2 } },
      verdict: 'n.a.',
    },
  ],
  reason: "there is no\noption 'serveCopies'",
}

test('a table has a line for each row, and columns of one width', async (t) => {
  const lines = rowsTable([speed, missing]).split('\n')
  t.equal(lines.length, 4)
  t.equal(new Set(lines.map((line) => line.length)).size, 1)
  t.match(lines[1], /^\| -+ \| -+ \| -+ \| -+ \| -+ \| -+ \|$/)
  t.match(
    lines[2],
    /1234 MiB\/s \(1000–1500\) +\| 1100 MiB\/s, C stream +\| 1\.12 \(0\.970–1\.20\) +\| ≥ 1 +\| reached/,
  )
  t.match(lines[3], /what is sent +\| +\| +\| +\| ≤ 2 copies \| n\.a\./)
})

test('one round has no extremes', async (t) => {
  t.match(markdownTable(['a|b'], [['1']]), /a\\\|b/)
  const [first] = speed.rows
  const once = { ...first, measure: { median: 5, min: 5, max: 5 } } as (typeof speed.rows)[number]
  t.match(rowsTable([{ ...speed, rows: [once] }]), /\| 5\.00 MiB\/s +\|/)
})

test('what has no figures has a reason, in one line', async (t) => {
  t.equal(reasonsList([speed]), undefined)
  t.match(reasonsList([speed, missing]), /^- fan-out: n\.a\., there is no option 'serveCopies'$/m)
})

test('figures have three significant digits, and counts are powers of ten', async (t) => {
  t.same([0, 0.01234, 0.5, 12.345, 123.45, 12_345.6].map(digits), ['0.00', '0.0123', '0.500', '12.3', '123', '12346'])
  t.same([1_000_000, 1000, 100, 2000].map(countOf), ['10⁶', '10³', '100', '2000'])
})
