import { writeFile } from 'node:fs/promises'
import type { RunReport } from '@dyad-ts/agent'
import { reasonOf } from '@dyad-ts/core/internal'
import { askReport } from './ask-agent.js'
import { bytes, say, tell } from './output.js'
import { plural } from './plural.js'
import type { Ending } from './supervise.js'

/** Waits that are printed; the JSON has all that the agent remembers. */
const MOST_LINES = 10

/** A run that ended. */
export interface EndedRun {
  readonly id: string
  readonly agent: string
  /** The variables DYAD_* of its program. */
  readonly variables: ReadonlyMap<string, string>
  readonly ending: Ending
  /** How long it took, in ms. */
  readonly ms: number
}

/**
 * Tells of a run, in lines on stderr or as JSON in a file. A report that fails changes nothing
 * about the run, and is said.
 */
export async function tellOfRun(run: EndedRun, to: string | true): Promise<void> {
  const { id, agent, variables, ending, ms } = run
  try {
    const report = await askReport(agent, variables, id)
    if (to === true) printReport(report, run)
    else {
      await writeFile(to, `${JSON.stringify({ ms: Math.round(ms), ...ending, ...report })}\n`)
    }
  } catch (error) {
    say(`no report: ${reasonOf(error)}`)
  }
}

function printReport({ consumed, produced, waited, waits, failed }: RunReport, { ending, ms }: EndedRun): void {
  const how = 'code' in ending ? `exit code ${ending.code}` : ending.signal
  say(`the program ran for ${seconds(ms)}, ${how}`)
  tell(`  waited    ${seconds(waited.ms)} for files that were not published, ${plural(waited.times, 'time')}`)
  tell(
    `  consumed  ${plural(consumed.files, 'file')}, ${bytes(consumed.bytes)}; ${bytes(consumed.moved)} moved at its requests, others were here or read ahead`,
  )
  tell(`  produced  ${plural(produced.files, 'file')}, ${bytes(produced.bytes)}`)
  for (const wait of waits.slice(0, MOST_LINES)) tell(`  waited    ${seconds(wait.ms)} for ${wait.path}`)
  if (failed > 0) tell(`  failed    ${plural(failed, 'request')}`)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`
}
