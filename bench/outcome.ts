import type { Row, Target, Values } from './part.js'
import { type Summary, summarize } from './statistics.js'

/** Baseline and measure of one round, made one right after the other. */
export interface Round {
  readonly baseline: Values
  readonly measure: Values
}

export type Verdict = 'reached' | 'short' | 'shown' | 'n.a.' | 'failed'

/** What became of a row. */
export interface RowOutcome {
  readonly row: Row
  readonly verdict: Verdict
  readonly measure?: Summary
  readonly baseline?: Summary
  readonly ratio?: Summary
  readonly baselineTitle?: string
}

/** What became of a comparison: its rows, and every figure of every round. */
export interface ComparisonOutcome {
  readonly title: string
  readonly rows: readonly RowOutcome[]
  readonly rounds: readonly Round[]
  /** Why there are no figures. */
  readonly reason?: string
}

/**
 * The figures of a row over all rounds. The ratio is formed within each round, whose two halves saw the same machine in the same minute; what disturbs both of them
 * cancels, which it would not in a ratio of two medians.
 */
export function outcomeOf(row: Row, rounds: readonly Round[], baselineTitle?: string): RowOutcome {
  const measured = rounds.map(({ measure }) => figure(measure, row.value))
  const { against } = row
  if (against === undefined) {
    const measure = summarize(measured)
    return { row, verdict: verdictOf(measure.median, row.target), measure }
  }
  const base = rounds.map(({ baseline }) => figure(baseline, against.value))
  const found = {
    row,
    measure: summarize(measured),
    baseline: summarize(base),
    baselineTitle: baselineTitle ?? against.title,
  }
  // Nothing is a multiple of nothing.
  if (base.includes(0)) return { ...found, verdict: 'shown' }
  const ratio = summarize(measured.map((value, i) => value / (base[i] as number)))
  return { ...found, ratio, verdict: verdictOf(ratio.median, row.target) }
}

function figure(values: Values, name: string): number {
  const value = values[name]
  if (value === undefined || !Number.isFinite(value)) throw new Error(`no figure '${name}' was measured`)
  return value
}

function verdictOf(figure: number, target: Target | undefined): Verdict {
  if (target === undefined) return 'shown'
  const isReached = target.bound === 'at least' ? figure >= target.value : figure <= target.value
  return isReached ? 'reached' : 'short'
}
