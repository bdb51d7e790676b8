import { type ConfigOptions, type OptionName, readConfig } from '@dyad-ts/core'
import { OPTIONS, type OptionRow } from '@dyad-ts/core/internal'
import { type Command, InvalidArgumentError, Option } from 'commander'

/** What each command that talks to the store offers. */
export const STORE_FLAGS = ['namespace', 'kvs', 'kvsTimeout', 'tlsCa'] as const satisfies readonly OptionName[]

/** The name of an option on the command line: `producerPath` is `--producer-path`. */
export function flagOf(name: OptionName): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/**
 * Offers options of the table as flags, and always those of the token: as a file, since others can
 * read a command line.
 */
export function addFlags(command: Command, names: readonly OptionName[]): Command {
  for (const name of new Set([...names, 'tokenFile', 'open'] as const)) {
    const row: OptionRow<unknown> = OPTIONS[name]
    const isSwitch = typeof row.fallback({}) === 'boolean'
    const option = new Option(
      `${flagOf(name)} ${isSwitch ? '[on|off]' : `<${(row.unit ?? 'value').replaceAll(' ', '-')}>`}`,
      `${row.doc} (${row.env})`,
    )
    if (isSwitch) option.preset('on')
    command.addOption(option.argParser((text) => parse(row, text)))
  }
  return command
}

/** How long a service or store may take to answer, in ms, where nobody says otherwise. */
const ANSWER_MS = 5_000

/** Offers a limit for commands that only ask: nobody waits long for their answer. */
export function addAnswerTimeout(command: Command): Command {
  const doc = `How long whoever is asked may take to answer, in ms; default: ${ANSWER_MS}`
  return command.addOption(new Option('--timeout <ms>', doc).argParser((text) => parse(OPTIONS.kvsTimeout, text)))
}

/**
 * The options of a command that only asks, with its limit: that of the flag, else the one for the
 * store.
 */
export function askingOptions(command: Command): { options: ConfigOptions; limit: number } {
  const { timeout: _, ...options } = givenOptions(command)
  const { timeout } = command.opts<{ timeout?: number }>()
  const limit = timeout ?? options.kvsTimeout ?? Math.min(ANSWER_MS, readConfig(options).kvsTimeout)
  return { options: { ...options, kvsTimeout: limit }, limit }
}

/**
 * A directory that a flag names. Where the shell left it out, what ends the options comes in its
 * place.
 */
export function directoryGiven(text: string): string {
  if (text === '--' || text === '') throw new InvalidArgumentError('no directory is given')
  return text
}

/** The options that the command line gives; the environment and the defaults give the rest. */
export function givenOptions(command: Command): ConfigOptions {
  const given = Object.entries(command.opts<Record<string, unknown>>()).filter(([name]) => Object.hasOwn(OPTIONS, name))
  return Object.fromEntries(given)
}

function parse(row: OptionRow<unknown>, text: string): unknown {
  try {
    return row.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}; accepted: ${row.accepts}`)
  }
}
