import { type ComparisonOutcome, outcomeOf, type Round } from './outcome.js'
import { type Comparison, NotAvailable, type Part, type Rounds } from './part.js'
import type { Values } from './row.js'
import type { Site } from './site.js'

export interface PartOutcome {
  readonly part: Part
  readonly seconds: number
  readonly comparisons: readonly ComparisonOutcome[]
}

export interface RunOptions {
  /** Rounds that count. */
  readonly rounds: number
  /** Rounds before them that do not: processes are compiled, connections made. */
  readonly warmUps: number
  /** Whether figures are held against targets; those of the quick form mean nothing. */
  readonly judges: boolean
  /**
   * Opens the site of a comparison; it is disposed of when the comparison is over, however it ends.
   */
  site(): Site
  /** Told what is about to be done. */
  progress(title: string, round: number, rounds: number): void
  readonly signal: AbortSignal
}

const NOTHING: Values = {}

/**
 * Runs the comparisons of a part one after the other. It reports a comparison that fails, and runs
 * the others. Only the signal ends the part.
 */
export async function runPart(
  part: Part,
  comparisons: readonly Comparison[],
  options: RunOptions,
): Promise<PartOutcome> {
  const began = performance.now()
  const outcomes: ComparisonOutcome[] = []
  for (const comparison of comparisons) outcomes.push(await runComparison(comparison, options))
  return { part, seconds: (performance.now() - began) / 1000, comparisons: outcomes }
}

async function runComparison(comparison: Comparison, options: RunOptions): Promise<ComparisonOutcome> {
  const { title, rows, warmsUp = true } = comparison
  options.progress(title, 0, options.rounds)
  const done: Round[] = []
  try {
    await using site = options.site()
    const rounds = await comparison.prepare(site)
    for (let i = warmsUp ? 1 - options.warmUps : 1; i <= options.rounds; i++) {
      options.signal.throwIfAborted()
      options.progress(title, Math.max(i, 0), options.rounds)
      const round = await runRound(rounds)
      if (i > 0) done.push(round)
    }
    const { baselineTitle, standsIn = false } = rounds
    const how = { baselineTitle, standsIn, judges: options.judges }
    return { title, rows: rows.map((row) => outcomeOf(row, done, how)), rounds: done }
  } catch (error) {
    options.signal.throwIfAborted()
    const verdict = error instanceof NotAvailable ? 'n.a.' : 'failed'
    const reason = error instanceof Error ? error.message : String(error)
    return { title, rows: rows.map((row) => ({ row, verdict })), rounds: done, reason }
  }
}

async function runRound(rounds: Rounds): Promise<Round> {
  const baseline = (await rounds.baseline?.()) ?? NOTHING
  return { baseline, measure: await rounds.measure() }
}
