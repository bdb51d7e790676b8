import type { ComparisonOutcome } from '../outcome.js'
import { summarize } from '../statistics.js'
import { digits, markdownTable } from '../table.js'

/** The three couplings, by the beginnings of the names of their figures. */
const COUPLINGS = [
  ['DYAD', 'measure', ''],
  ['by hand', 'baseline', 'byHand'],
  ['barrier', 'baseline', 'barrier'],
] as const

const HEAD = [
  'ms a frame: idle + moving (writing)',
  ...COUPLINGS.map(([title]) => title),
  'idle ÷ by hand, ÷ barrier',
  'moving ÷ by hand, ÷ barrier',
]

/**
 * The frames side by side: what an analysis spends idle and in moving a frame, and its simulation
 * in writing it, by each way to couple the two.
 */
export function mdTable(comparisons: readonly ComparisonOutcome[]): string {
  return markdownTable(HEAD, comparisons.map(cells))
}

function cells(outcome: ComparisonOutcome): string[] {
  const { title, rows, rounds } = outcome
  if (rounds.length === 0 || outcome.reason !== undefined) return [title, rows[0]?.verdict ?? '']
  const ratio = (i: number) => {
    const found = rows[i]?.ratio
    return found === undefined ? '–' : digits(found.median)
  }
  return [
    title,
    ...COUPLINGS.map(([, side, prefix]) => {
      const figure = (name: string) => {
        const key = prefix === '' ? name : `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`
        return digits(summarize(rounds.map((round) => round[side][key] ?? Number.NaN)).median)
      }
      return `${figure('idle')} + ${figure('moving')} (${figure('writing')})`
    }),
    `${ratio(0)}, ${ratio(1)}`,
    `${ratio(2)}, ${ratio(3)}`,
  ]
}
