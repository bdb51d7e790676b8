import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MD_MODELS } from './measures/md-models.js'
import type { Form, Part } from './part.js'

/** What the command line asks for. */
export interface Command {
  readonly form: Form
  readonly rounds: number
  readonly warmUps: number
  readonly parts: readonly Part[]
  /** File for the figures. */
  readonly json: string
  /** Directory to work in. @default chosen by the machine */
  readonly directory: string | undefined
  /** Show this, and run nothing. */
  readonly show: 'help' | 'list' | undefined
}

/** The command line cannot be understood; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const HELP = `Usage: npm run bench -- [options] [PART…]

Measures DYAD beside baselines of the same run, in turns, and prints a table. All parts run unless some are named.

  --quick             tiny sizes and one round: only whether everything works, with every byte checked
  --rounds N          rounds that count, after one that does not (default 5; 1 with --quick)
  --json FILE         where the figures go (default bench-results.json)
  --dir DIR           directory to work in (default /dev/shm if it is a tmpfs with room, else the one for temporary files)
  --dyad PREFIX       where DYAD in C is installed, for the part native (default none: plain baselines
                      stand in for it); \`flux\` comes from PREFIX/bin, else from PATH
  --concurrency N     files that a consumer reads at a time (default 2)
  --models A,B,…      of the molecular-dynamics frames: ${Object.keys(MD_MODELS).join(', ')} (default all)
  --pairs N,N,…       pairs of simulation and analysis (default 1,2)
  --strides N,N,…     steps between frames (default 1,10)
  --frames N          frames a pair (default 16)
  --list              shows the parts
  --help              shows this`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  json: { type: 'string', default: 'bench-results.json' },
  dir: { type: 'string' },
  dyad: { type: 'string' },
  concurrency: { type: 'string', default: '2' },
  models: { type: 'string' },
  pairs: { type: 'string' },
  strides: { type: 'string' },
  frames: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Reads the arguments. UsageError. */
export function readCommand(args: readonly string[], all: readonly Part[]): Command {
  const { values, positionals } = parse(args)
  const { quick } = values
  return {
    form: {
      quick,
      concurrency: count('--concurrency', values.concurrency),
      dyad: values.dyad === undefined ? undefined : prefixOfDyad(values.dyad),
      md: {
        models: values.models?.split(',').map(model) ?? (quick ? ['JAC'] : Object.keys(MD_MODELS)),
        pairs: counts('--pairs', values.pairs) ?? (quick ? [1] : [1, 2]),
        strides: counts('--strides', values.strides) ?? (quick ? [1] : [1, 10]),
        frames: count('--frames', values.frames ?? (quick ? '4' : '16')),
      },
    },
    rounds: count('--rounds', values.rounds ?? (quick ? '1' : '5')),
    warmUps: quick ? 0 : 1,
    parts: positionals.length === 0 ? all : [...new Set(positionals)].map((name) => partNamed(name, all)),
    json: values.json,
    directory: values.dir,
    show: values.help ? 'help' : values.list ? 'list' : undefined,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function partNamed(name: string, all: readonly Part[]): Part {
  const part = all.find((candidate) => candidate.name === name)
  if (part === undefined) {
    throw new UsageError(`there is no part '${name}'; there are ${all.map((each) => each.name).join(', ')}`)
  }
  return part
}

/** A prefix with what DYAD installs there. */
function prefixOfDyad(prefix: string): string {
  for (const file of ['lib/dyad.so', 'lib/libdyad_wrapper.so']) {
    if (!existsSync(join(prefix, file))) throw new UsageError(`--dyad: there is no ${join(prefix, file)}`)
  }
  return resolve(prefix)
}

function model(name: string): string {
  if (!Object.hasOwn(MD_MODELS, name)) {
    throw new UsageError(`--models: '${name}' is none of ${Object.keys(MD_MODELS).join(', ')}`)
  }
  return name
}

function counts(option: string, text: string | undefined): number[] | undefined {
  return text?.split(',').map((part) => count(option, part))
}

function count(option: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000) {
    throw new UsageError(`${option}: '${text}' is not a number from 1 to 1000000`)
  }
  return value
}
