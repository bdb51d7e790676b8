import { DyadError } from '../errors.js'
import { CLIENT_OPTIONS } from './client-options.js'
import type { ConfigOptions } from './config-options.js'
import type { OptionRow } from './option-row.js'
import { DIAGNOSIS } from './table/diagnosis.js'
import { FILES } from './table/files.js'
import { SERVICE } from './table/service.js'
import { WORKFLOW } from './table/workflow.js'
import { warnOfUnknownVariables } from './unknown-variables.js'

/**
 * Every option, by the name it has in a program; `table/` has the rows. `docs/configuration.md` is
 * generated from them.
 */
export const OPTIONS = {
  ...WORKFLOW,
  ...FILES,
  ...SERVICE,
  ...DIAGNOSIS,
}

type Table = typeof OPTIONS
/** The name of an option in a program. */
export type OptionName = keyof Table
/** Every option with its value. */
export type Config = { readonly [Name in OptionName]: ReturnType<Table[Name]['parse']> }

/** The variable that a session writes with the option `syncCheck`. */
const HEALTH_VARIABLE = 'DYAD_SYNC_HEALTH'
const KNOWN_VARIABLES = new Set([
  ...[...Object.values(OPTIONS), ...CLIENT_OPTIONS].map(({ env }) => env),
  HEALTH_VARIABLE,
])

/** The environment of this process, which nothing else reads. */
export function environment(): NodeJS.ProcessEnv {
  return process.env
}

/** An option in an error: its name, and its variable. */
export function optionText(name: OptionName): string {
  return `${name} (${OPTIONS[name].env})`
}

/** Where the value of an option came from. */
export type OptionOrigin = 'program' | 'environment' | 'default'

/**
 * The value of every option: the program's, else the environment's, else the default. A variable
 * that is set but empty counts as not set, except that it turns a boolean off. Warns once of each
 * variable DYAD_* that is no option. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
 */
export function readConfig(given: ConfigOptions = {}, env: NodeJS.ProcessEnv = environment()): Config {
  const config: Record<string, unknown> = {}
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTIONS, name))
      throw new DyadError('ERR_DYAD_OPTION', { option: name, detail: 'there is no such option' })
  }
  for (const name of Object.keys(OPTIONS) as OptionName[]) config[name] = readOption(name, given, env).value
  warnOfVariables(env)
  return config as unknown as Config
}

/**
 * Warns once a process of each variable DYAD_* that neither an option nor a client of the agent
 * reads.
 */
export function warnOfVariables(env: NodeJS.ProcessEnv = environment()): void {
  warnOfUnknownVariables(env, KNOWN_VARIABLES)
}

/** The value of one option, and where it came from. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE. */
export function readOption(
  name: OptionName,
  given: ConfigOptions = {},
  env: NodeJS.ProcessEnv = environment(),
): { value: unknown; origin: OptionOrigin } {
  const row: OptionRow<unknown> = OPTIONS[name]
  const value = given[name]
  if (value !== undefined) return { value: checked(name, row, value), origin: 'program' }
  const text = env[row.env]
  const isBoolean = typeof row.fallback(env) === 'boolean'
  if (text !== undefined && (text !== '' || isBoolean)) {
    return { value: parsed(row.env, row, text), origin: 'environment' }
  }
  return { value: row.fallback(env), origin: 'default' }
}

/**
 * A program's value goes through the same parser as a variable's, so that there is one meaning; its
 * type must be right as well.
 */
function checked(name: OptionName, row: OptionRow<unknown>, value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: name,
      detail: `a value of type ${typeof value}; accepted: ${row.accepts}`,
    })
  }
  const read = parsed(name, row, String(value))
  const isDuration = row.unit === 'duration' && typeof value === 'string' && Number.isNaN(Number(value))
  if (read !== undefined && typeof read !== typeof value && !isDuration) {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: name,
      detail: `${shown(row, value)} is a ${typeof value}, not a ${typeof read}`,
    })
  }
  return read
}

function parsed(name: string, row: OptionRow<unknown>, text: string): unknown {
  try {
    return row.parse(text)
  } catch (cause) {
    if (cause instanceof DyadError) throw cause
    throw new DyadError('ERR_DYAD_OPTION', {
      option: name,
      detail: `${shown(row, text)} is ${(cause as Error).message}; accepted: ${row.accepts}`,
      cause,
    })
  }
}

/** A value in an error; a secret is not shown. */
function shown(row: OptionRow<unknown>, value: unknown): string {
  return row.env === OPTIONS.token.env ? 'the value' : JSON.stringify(value)
}

/**
 * Tells programs that watch DYAD_SYNC_HEALTH that a synchronization succeeded: the one variable
 * that is written.
 */
export function noteHealth(): void {
  process.env[HEALTH_VARIABLE] = 'ok'
}
