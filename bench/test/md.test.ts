import { test } from 'tap'
import { computingOf, MD_MODELS, type MdModel } from '../measures/md-models.js'
import { mdTable } from '../measures/md-table.js'
import type { ComparisonOutcome, Round } from '../outcome.js'

const dyad = { idle: 0.5, moving: 7, writing: 2 }
const others = {
  byHandIdle: 5,
  byHandMoving: 6,
  byHandWriting: 1,
  barrierIdle: 50,
  barrierMoving: 1,
  barrierWriting: 0.25,
}
const round: Round = { baseline: others, measure: dyad }
const row = { title: 'idle', value: 'idle', unit: 'ms' } as const
const ratio = (figure: number) => ({ median: figure, min: figure, max: figure })

test('computing lasts as long as it did, or is shortened and says so', async (t) => {
  const stmv = MD_MODELS['STMV'] as MdModel
  t.same(computingOf(stmv, 1), { milliseconds: 29.29, scale: 1 })
  const { milliseconds, scale } = computingOf(stmv, 50)
  t.ok(Math.abs(milliseconds * scale - 29.29 * 50) < 1e-9)
  t.ok(milliseconds < 100)
})

test('the frames of a comparison are one line', async (t) => {
  const outcome: ComparisonOutcome = {
    title: 'JAC, 1 pair, stride 1',
    rounds: [round, round, round],
    rows: [0.1, 0.01, 1.17, 7].map((figure) => ({ row, verdict: 'ran', ratio: ratio(figure) })),
  }
  const lines = mdTable([outcome]).split('\n')
  t.equal(lines.length, 3)
  t.same(
    lines[2]?.split('|').map((cell) => cell.trim()),
    [
      '',
      'JAC, 1 pair, stride 1',
      '0.500 + 7.00 (2.00)',
      '5.00 + 6.00 (1.00)',
      '50.0 + 1.00 (0.250)',
      '0.100, 0.0100',
      '1.17, 7.00',
      '',
    ],
  )
})

test('one without figures says that it has none', async (t) => {
  const outcome: ComparisonOutcome = {
    title: 'JAC',
    rounds: [round],
    rows: [{ row, verdict: 'failed' }],
    reason: 'wrong bytes',
  }
  t.match(mdTable([outcome]).split('\n')[2], /^\| JAC +\| failed +\|/)
})
