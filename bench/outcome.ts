import type { Row, Target, Values } from './row.js'
import { type Summary, summarize } from './statistics.js'

/** Baseline and measure of one round, made one right after the other. */
export interface Round {
  readonly baseline: Values
  readonly measure: Values
}

/** `ran` is said of a row that has nothing to reach, or not in this form. */
export type Verdict = 'reached' | 'short' | 'ran' | 'n.a.' | 'failed'

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
 * The figures of a row over all rounds. The ratio is formed within each round, whose two halves saw
 * the same machine in the same minute; what disturbs both of them cancels, which it would not in a
 * ratio of two medians.
 * @param options.judges whether figures are held against targets
 * @param options.standsIn whether the baseline is another than the one that the targets are
 *   multiples of
 */
export function outcomeOf(
  row: Row,
  rounds: readonly Round[],
  { baselineTitle, judges, standsIn }: { baselineTitle: string | undefined; judges: boolean; standsIn: boolean },
): RowOutcome {
  const target = judges ? row.target : undefined
  const measured = rounds.map(({ measure }) => figure(measure, row.value))
  const { against } = row
  if (against === undefined) {
    const measure = summarize(measured)
    return { row, verdict: verdictOf(measure.median, target), measure }
  }
  const base = rounds.map(({ baseline }) => figure(baseline, against.value))
  const found = {
    row,
    measure: summarize(measured),
    baseline: summarize(base),
    baselineTitle: baselineTitle ?? against.title,
  }
  // Nothing is a multiple of nothing.
  if (base.includes(0)) return { ...found, verdict: 'ran' }
  const ratio = summarize(measured.map((value, i) => value / (base[i] as number)))
  return { ...found, ratio, verdict: standsIn && target !== undefined ? 'n.a.' : verdictOf(ratio.median, target) }
}

function figure(values: Values, name: string): number {
  const value = values[name]
  if (value === undefined || !Number.isFinite(value)) throw new Error(`no figure '${name}' was measured`)
  return value
}

function verdictOf(figure: number, target: Target | undefined): Verdict {
  if (target === undefined) return 'ran'
  const isReached = target.bound === 'at least' ? figure >= target.value : figure <= target.value
  return isReached ? 'reached' : 'short'
}
