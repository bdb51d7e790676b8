// npm run bench: measures DYAD beside baselines of the same run; see docs/performance.md.
import { setMaxListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type Command, HELP, readCommand, UsageError } from './command-line.js'
import { machine, machineLine } from './machine.js'
import { PARTS } from './measures/all.js'
import type { Form, Part } from './part.js'
import { Progress } from './progress.js'
import { type PartOutcome, runPart } from './run.js'
import { Site } from './site.js'
import { markdownTable, ORIENTATION, reasonsList, rowsTable } from './table.js'
import { chooseDirectory, NoRoomError, sizeOf } from './working-directory.js'

const interruption = new AbortController()
setMaxListeners(0, interruption.signal)
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort(name))

// What the caller has set for its own runs is not for those of the bench, nor for its processes.
for (const name of Object.keys(process.env)) if (name.startsWith('DYAD_')) delete process.env[name]
// Nor is their token, and none is made for them.
process.env['DYAD_OPEN'] = '1'

function needsOf(part: Part, form: Form): number {
  return Math.max(...part.comparisons(form).map(({ needs }) => needs))
}

function list(form: Form): string {
  return markdownTable(
    ['part', 'measures', 'needs'],
    PARTS.map((part) => [part.name, part.title, sizeOf(needsOf(part, form))]),
  )
}

/** Runs the parts; resolves with the exit status. */
async function run({ form, rounds, warmUps, parts, json, directory }: Command): Promise<number> {
  const room = chooseDirectory(Math.max(...parts.map((part) => needsOf(part, form))), directory)
  const here = machine()
  const began = new Date()
  const outcomes: PartOutcome[] = []
  {
    using progress = new Progress(process.stderr, parts.length)
    for (const part of parts) {
      progress.begin(part.name)
      const site = () => new Site(room.directory, interruption.signal)
      const judges = !form.quick
      const options = { rounds, warmUps, judges, site, progress: progress.round, signal: interruption.signal }
      outcomes.push(await runPart(part, part.comparisons(form), options))
    }
  }
  const failed = outcomes.flatMap(({ comparisons }) => comparisons.flatMap(({ rows }) => rows)).some(hasFailed)
  const where = `${room.directory} (${room.isTmpfs ? 'tmpfs' : 'not a tmpfs: the disk is measured, too'})`
  for (const text of tablesOf(outcomes)) console.log(`${text}\n`)
  console.log(
    `${machineLine(here)}; in ${where}; median (min–max) of ${rounds} round${rounds === 1 ? '' : 's'}${form.quick ? ', quick form' : ''}.`,
  )
  console.log(ORIENTATION)
  const results = { began, seconds: (Date.now() - began.getTime()) / 1000, machine: here, room, form, rounds }
  writeFileSync(json, `${JSON.stringify({ ...results, parts: outcomes }, null, 2)}\n`)
  console.error(`bench: ${Math.round(results.seconds)} s; the figures of every round are in ${json}`)
  return failed ? 1 : 0
}

/** The common table, those that parts have for themselves, and what is missing in them. */
function tablesOf(outcomes: readonly PartOutcome[]): string[] {
  const all = outcomes.flatMap(({ comparisons }) => comparisons)
  const common = outcomes.filter(({ part }) => part.table === undefined).flatMap(({ comparisons }) => comparisons)
  const own = outcomes.flatMap(({ part, comparisons }) => part.table?.(comparisons) ?? [])
  return [common.length > 0 ? rowsTable(common) : undefined, ...own, reasonsList(all)].filter(
    (text) => text !== undefined,
  )
}

function hasFailed({ verdict }: { readonly verdict: string }): boolean {
  return verdict === 'failed'
}

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2), PARTS)
  if (command.show === undefined) return run(command)
  console.log(command.show === 'help' ? HELP : list(command.form))
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (interruption.signal.aborted) {
    console.error(`bench: ${String(interruption.signal.reason)}`)
    process.exitCode = interruption.signal.reason === 'SIGINT' ? 130 : 143
  } else if (error instanceof UsageError || error instanceof NoRoomError) {
    console.error(`bench: ${error.message}`)
    process.exitCode = 2
  } else throw error
}
