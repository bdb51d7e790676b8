import { type ConfigOptions, type OptionName, readConfig } from '@dyad-ts/core'
import { durationText, OPTIONS, type OptionRow } from '@dyad-ts/core/internal'
import { type Command, InvalidArgumentError, Option } from 'commander'

/** The options of each command that talks to the store. */
export const STORE_FLAGS = ['namespace', 'kvs', 'kvsTimeout', 'tlsCa'] as const satisfies readonly OptionName[]

/** The flags with shorter names than their options. The longer ones are accepted, too. */
const SHORT_NAMES: { readonly [Name in OptionName]?: string } = { producerPath: 'producer', consumerPath: 'consumer' }

const NAMES = Object.keys(OPTIONS) as OptionName[]

/** The options of the token, which every command that needs one offers. */
const TOKEN_FLAGS = ['tokenFile', 'open'] as const satisfies readonly OptionName[]

/**
 * Offers options of the table as flags, and those of the token: as a file, since others can read a
 * command line.
 */
export function addFlags(command: Command, names: readonly OptionName[]): Command {
  return addOptionFlags(command, [...names, ...TOKEN_FLAGS])
}

/** Offers options of the table as flags; their help comes from the table. */
export function addOptionFlags(command: Command, names: readonly OptionName[]): Command {
  for (const name of new Set(names)) {
    const short = SHORT_NAMES[name]
    command.addOption(flagFor(name, short ?? dashed(name)))
    if (short !== undefined) command.addOption(flagFor(name, dashed(name)).hideHelp())
  }
  return command
}

function flagFor(name: OptionName, flag: string): Option {
  const row: OptionRow<unknown> = OPTIONS[name]
  const isSwitch = typeof row.fallback({}) === 'boolean'
  const value = isSwitch ? ' [on|off]' : ` <${(row.unit ?? placeholderOf(name, row)).replaceAll(' ', '-')}>`
  // A switch without a word is on, as commander has it.
  return new Option(`--${flag}${value}`, helpOf(row)).argParser((text) => parse(row, text))
}

/** The name of an option on the command line: `kvsTimeout` is `kvs-timeout`. */
function dashed(name: OptionName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function placeholderOf(name: OptionName, row: OptionRow<unknown>): string {
  if (!row.isPath) return 'value'
  return /Path|Dir/.test(name) ? 'directory' : 'file'
}

/** What a flag does, accepts and has as its default, and its variable. */
function helpOf(row: OptionRow<unknown>): string {
  const isSwitch = typeof row.fallback({}) === 'boolean'
  const accepts = isSwitch ? 'on or off; the flag alone is on' : row.accepts
  return `${row.doc} Accepts: ${accepts}. Default: ${row.defaultText ?? defaultOf(row)}. Variable: ${row.env}.`
}

function defaultOf(row: OptionRow<unknown>): string {
  const value = row.fallback({})
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (value === undefined) return 'none'
  return typeof value === 'number' && row.unit === 'duration' ? durationText(value) : String(value)
}

/** How long a service or store may take to answer, in ms, where nobody says otherwise. */
const ANSWER_MS = 5_000

/** Offers a limit for commands that only ask: nobody waits long for their answer. */
export function addAnswerTimeout(command: Command): Command {
  const row = OPTIONS.kvsTimeout
  const doc = `How long a service or the store may take to answer. Accepts: ${row.accepts}. Default: ${durationText(ANSWER_MS)}.`
  return command.addOption(new Option('--timeout <duration>', doc).argParser((text) => parse(row, text)))
}

/**
 * The options of a command that only asks, with its limit: that of the flag, else the one for the
 * store.
 */
export function askingOptions(command: Command): { options: ConfigOptions; limit: number } {
  const { timeout: _, ...options } = givenOptions(command)
  const { timeout } = command.opts<{ timeout?: number }>()
  const { kvsTimeout } = readConfig(options)
  const limit = timeout ?? (options.kvsTimeout === undefined ? Math.min(ANSWER_MS, kvsTimeout) : kvsTimeout)
  return { options: { ...options, kvsTimeout: limit }, limit }
}

/** The option of the table that a flag gives, if any. */
export function optionOf(flag: Option): OptionName | undefined {
  const attribute = flag.attributeName()
  return NAMES.find((name) => name === attribute || SHORT_NAMES[name] === attribute)
}

/** The options that the command line gives; the environment and the defaults give the rest. */
export function givenOptions(command: Command): ConfigOptions {
  const values = command.opts<Record<string, unknown>>()
  const given = NAMES.map((name) => [name, values[SHORT_NAMES[name] ?? name] ?? values[name]] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}

function parse(row: OptionRow<unknown>, text: string): unknown {
  // Where the shell left a path out, the end of the options comes in its place.
  if (row.isPath && (text === '--' || text === '')) throw new InvalidArgumentError('no path is given')
  try {
    return row.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}; accepted: ${row.accepts}`)
  }
}
