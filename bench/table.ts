import type { ComparisonOutcome, RowOutcome } from './outcome.js'
import type { Target } from './row.js'
import type { Summary } from './statistics.js'

/**
 * What was measured of DYAD 0.2.0 on another machine, of the same kind; for orientation, since only
 * ratios of one run can be compared.
 */
export const ORIENTATION =
  'For orientation, DYAD 0.2.0 measured elsewhere: 40-byte files 723 a second consumed and 383 produced, close → open 4.06 ms, 833 MiB/s at best with files of 16 MiB and 551 MiB/s with 256 MiB.'

const HEAD = ['measure', 'DYAD', 'baseline', 'ratio', 'to reach', '']

/**
 * The rows of a part as a table that Markdown understands and that is even in a terminal as well.
 */
export function rowsTable(comparisons: readonly ComparisonOutcome[]): string {
  return markdownTable(
    HEAD,
    comparisons.flatMap(({ rows }) => rows.map(cells)),
  )
}

/** Why some rows have no figures; undefined if all have. */
export function reasonsList(comparisons: readonly ComparisonOutcome[]): string | undefined {
  const lines = comparisons.flatMap(({ title, rows, reason }) =>
    reason === undefined ? [] : `- ${title}: ${rows[0]?.verdict}, ${reason.replaceAll(/\s+/g, ' ')}`,
  )
  return lines.length === 0 ? undefined : `Without figures:\n\n${lines.join('\n')}`
}

function cells({ row, verdict, measure, baseline, ratio, baselineTitle }: RowOutcome): string[] {
  const unit = row.unit
  return [
    row.title,
    measure === undefined ? '' : withUnit(measure, unit),
    baseline === undefined ? '' : `${digits(baseline.median)} ${unit}, ${baselineTitle}`,
    ratio === undefined ? '' : spread(ratio),
    row.target === undefined ? '' : targetText(row.target, row.against === undefined ? unit : ''),
    verdict,
  ]
}

function targetText({ bound, value }: Target, unit: string): string {
  return `${bound === 'at least' ? '≥' : '≤'} ${value}${unit === '' ? '' : ` ${unit}`}`
}

function withUnit(summary: Summary, unit: string): string {
  return `${digits(summary.median)} ${unit}${extremes(summary)}`
}

function spread(summary: Summary): string {
  return `${digits(summary.median)}${extremes(summary)}`
}

/** Nothing where there was one round only. */
function extremes({ min, max }: Summary): string {
  return min === max ? '' : ` (${digits(min)}–${digits(max)})`
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)))
  return value.toFixed(Math.min(4, Math.max(0, 2 - magnitude)))
}

/** A count as people write it: 10⁶, 2000. */
export function countOf(count: number): string {
  const exponent = Math.log10(count)
  if (count < 1000 || !Number.isInteger(exponent)) return String(count)
  return `10${[...String(exponent)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`
}

/** A table whose columns are as wide as their widest cell. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((line) => line.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)))
  const format = (line: readonly string[]) =>
    `| ${widths.map((width, column) => (line[column] ?? '').padEnd(width)).join(' | ')} |`
  const [first = '', ...rest] = lines.map(format)
  return [first, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest].join('\n')
}
