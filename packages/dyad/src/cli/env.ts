import { type Config, type OptionName, readConfig } from '@dyad-ts/core'
import { agentPath, environment, OPTIONS, preloadedBy, readOption, warnOfVariables } from '@dyad-ts/core/internal'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { variableText } from './exported.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions } from './flags.js'
import { printExactly, printJson, printTable, say } from './output.js'
import { registeringOptions, requiredLibrary } from './preloaded.js'
import { isListening } from './program-agent.js'
import { quoted } from './quoted.js'

const NAMES = Object.keys(OPTIONS) as OptionName[]
/** A secret is not shown. */
const MASK = '********'

interface Row {
  option: OptionName
  variable: string
  value: unknown
  origin: string
  /** What is wrong with the value. */
  error?: string
}

export function addEnv(program: Command): void {
  const command = program
    .command('env')
    .description('print every option: its variable, its value, and the source of the value')
    .option('--json', 'print one JSON array')
    .option('--export', 'print what is not a default as shell exports; the token is left out')
    .option('--preload', 'as --export, and the library by which unmodified programs take part')
    .action(async ({ json, export: asExports, preload }: { json?: true; export?: true; preload?: true }) => {
      warnOfVariables()
      const library = preload ? requiredLibrary() : undefined
      const rows = NAMES.map((name) => describe(name, command))
      if (json) printJson(rows)
      else if (asExports || library !== undefined) printExports(rows)
      else await printTable(['VARIABLE', 'FROM', 'VALUE'], rows.map(cells))
      if (library !== undefined && !json) printPreload(library)
      const wrong = rows.filter(({ error }) => error !== undefined)
      if (wrong.length > 0) throw new UsageError(wrong.map(({ error }) => error).join('; '))
      if (library !== undefined) await warnOfMissingService(readConfig(givenOptions(command)))
    })
  // The token is given by its file, as everywhere.
  addFlags(
    command,
    NAMES.filter((name) => name !== 'token'),
  )
  addExamples(
    command,
    'dyad env',
    'eval "$(dyad env --namespace demo --consumer /tmp/cons --export)"',
    'eval "$(dyad env --consumer /tmp/cons --preload)"',
  )
}

function describe(option: OptionName, command: Command): Row {
  const variable = OPTIONS[option].env
  try {
    const { value, origin } = readOption(option, givenOptions(command))
    return { option, variable, value: option === 'token' && value !== undefined ? MASK : (value ?? null), origin }
  } catch (error) {
    return { option, variable, value: null, origin: 'environment', error: (error as Error).message }
  }
}

function cells({ variable, value, origin, error }: Row): string[] {
  const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value ?? '')
  return [variable, origin === 'program' ? 'flag' : origin, error === undefined ? text : 'invalid']
}

function printExports(rows: readonly Row[]): void {
  for (const { option, variable, value, origin, error } of rows) {
    if (origin === 'default' || error !== undefined || value === null) continue
    if (option === 'token') printExactly(`# ${variable} is set, and not shown`)
    else printExport(variable, variableText(OPTIONS[option], value))
  }
}

/** What a shell must export for programs that `dyad run` does not start. */
function printPreload(library: string): void {
  const env = environment()
  printExport('LD_PRELOAD', preloadedBy(library, env['LD_PRELOAD']))
  const options = registeringOptions(env['NODE_OPTIONS'])
  if (options !== undefined) printExport('NODE_OPTIONS', options)
}

function printExport(variable: string, text: string): void {
  printExactly(`export ${variable}=${quoted(text)}`)
}

/** Programs that `dyad run` does not start have the agent of the node's service alone. */
async function warnOfMissingService({ stateDir, node }: Config): Promise<void> {
  if (await isListening(agentPath(stateDir, node))) return
  say(
    `warning: no service of node '${node}' runs on this host: opens and closes of managed files fail until \`dyad start --node ${node} …\` does`,
  )
}
