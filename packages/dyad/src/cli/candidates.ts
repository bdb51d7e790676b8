import type { ConfigOptions, OptionName } from '@dyad-ts/core'
import { OPTIONS, type OptionRow } from '@dyad-ts/core/internal'
import type { Argument, Command, Option } from 'commander'
import { optionOf } from './flags.js'
import { knownNames } from './known-names.js'
import { quoted } from './quoted.js'

/** A command line as far as it is typed. */
interface Typed {
  readonly command: Command
  /** The flag whose value comes next. */
  readonly awaiting: Option | undefined
  /** How many arguments of the command are there. */
  readonly given: number
  readonly options: ConfigOptions
}

/**
 * Returns what the last word can become, in order; nothing where that is a file, or anything else.
 * Names that a shell would act on are left out, since others choose them.
 * @param words the words behind `dyad`; the last is the one to complete, and may be empty
 */
export async function candidates(program: Command, words: readonly string[], signal: AbortSignal): Promise<string[]> {
  const before = words.slice(0, -1)
  let last = words.at(-1) ?? ''
  // One word is flag and value; bash takes it for three.
  const [, flag, value] = /^(--[^=]+)=(.*)$/.exec(last) ?? []
  if (flag !== undefined) before.push(flag)
  last = value ?? (last === '=' ? '' : last)
  const typed = read(program, before)
  const found = typed === undefined ? [] : await wordsFor(typed, last, signal)
  const fitting = [...new Set(found)].filter((word) => word.startsWith(last) && quoted(word) === word).sort()
  return flag === undefined ? fitting : fitting.map((word) => `${flag}=${word}`)
}

/** Undefined where the words are those of another program, as behind `dyad run`. */
function read(program: Command, words: readonly string[]): Typed | undefined {
  let command = program
  let awaiting: Option | undefined
  let given = 0
  const options: Partial<Record<OptionName, unknown>> = {}
  for (const word of words) {
    if (awaiting !== undefined && word === '=') continue
    if (awaiting !== undefined) {
      note(options, awaiting, word)
      awaiting = undefined
    } else if (word === '--') return undefined
    else if (word.startsWith('-')) {
      const flag = command.options.find(({ long, short }) => long === word || short === word)
      awaiting = flag?.required ? flag : undefined
    } else {
      const below = command.commands.find((each) => each.name() === word)
      if (command.name() === 'run') return undefined
      if (below === undefined) given++
      else [command, given] = [below, 0]
    }
  }
  return { command, awaiting, given, options: options as ConfigOptions }
}

/** Notes an option of the command line, as the store to ask. */
function note(options: Partial<Record<OptionName, unknown>>, flag: Option, text: string): void {
  const name = optionOf(flag)
  if (name === undefined) return
  try {
    options[name] = OPTIONS[name].parse(text)
  } catch {
    // A value that cannot be used completes nothing.
  }
}

async function wordsFor(typed: Typed, last: string, signal: AbortSignal): Promise<readonly string[]> {
  const { command, awaiting, given, options } = typed
  if (awaiting !== undefined) {
    const name = optionOf(awaiting)
    if (name === undefined) return []
    const { choices }: OptionRow<unknown> = OPTIONS[name]
    return choices ?? knownNames(name, options, signal)
  }
  const help = command.createHelp()
  if (last.startsWith('-')) return help.visibleOptions(command).flatMap(({ long }) => long ?? [])
  const commands = help.visibleCommands(command).map((each) => each.name())
  const argument: Argument | undefined = command.registeredArguments[given]
  if (command.name() === 'help') return help.visibleCommands(command.parent ?? command).map((each) => each.name())
  if (command.parent?.name() === 'namespace' && command.name() === 'remove' && given === 0) {
    return knownNames('namespace', options, signal)
  }
  return [...(given === 0 ? commands : []), ...(argument?.argChoices ?? [])]
}
