/**
 * What a client of the agent reads of its environment: an entry of its own, since every program
 * that takes part loads it at its start.
 */

import { basename, resolve } from 'node:path'
import { DyadError } from '../errors.js'
import { agentPath } from './agent-path.js'
import { NO_WAIT, STAT_WAIT } from './client-options.js'
import { environment, OPTIONS, type OptionName, readOption } from './config.js'
import type { OptionRow } from './option-row.js'
import { PREFIX } from './unknown-variables.js'

/** What the name of the preload library begins with. */
const PRELOAD_LIBRARY = 'libdyad_preload'
/** Bytes of all variables that fit into HELLO, which a frame bounds. */
const MOST_BYTES = 60_000

export { letSessionsStandAside } from '../aside.js'
export { DyadError } from '../errors.js'
export { isPreloadable, preloadedBy } from './preloaded.js'

/** What stat and access of a file do that is not here. */
export type StatOfMissing = 'fetch' | 'wait' | 'record' | 'plain'

/** What the environment of a program says to a client of the agent. */
export interface ClientSettings {
  /** Absolute. */
  readonly producerPath: string | undefined
  /** Absolute. */
  readonly consumerPath: string | undefined
  /** Path of the agent's socket. */
  readonly agent: string
  readonly agentMissing: 'fail' | 'pass'
  readonly stat: StatOfMissing
  /** Endings of names that nothing waits for. */
  readonly noWait: readonly string[]
  /** Whether the program says each failure on stderr. */
  readonly debug: boolean
  /** Id of the run that a report is made of; '' for none. */
  readonly run: string
  /** Whether the environment names the preload library. */
  readonly isPreloaded: boolean
  /** The variables DYAD_* of HELLO, those that are paths absolute. */
  readonly variables: ReadonlyMap<string, string>
}

/**
 * What the environment says to a program of this name; undefined where it names no managed
 * directory. ERR_DYAD_OPTION.
 */
export function readClientSettings(
  program: string = basename(process.argv0),
  env: NodeJS.ProcessEnv = environment(),
): ClientSettings | undefined {
  const producerPath = textOf('producerPath', env)
  const consumerPath = textOf('consumerPath', env)
  if (producerPath === undefined && consumerPath === undefined) return undefined
  const agent = env['DYAD_AGENT']
  return {
    producerPath,
    consumerPath,
    agent: agent ? resolve(agent) : agentPath(textOf('stateDir', env) ?? '', textOf('node', env) ?? ''),
    agentMissing: oneOf(env, 'DYAD_AGENT_MISSING', ['fail', 'pass']),
    stat: statOf(program, env),
    noWait: (env['DYAD_NO_WAIT'] || NO_WAIT).split(':').filter((ending) => ending !== ''),
    debug: readOption('syncDebug', {}, env).value === true,
    run: env['DYAD_RUN'] ?? '',
    isPreloaded: env['LD_PRELOAD']?.includes(PRELOAD_LIBRARY) === true,
    variables: variablesOf(env),
  }
}

/**
 * Changes what the environment has children of this process load: options of Node, or libraries.
 */
export function changeForChildren(name: 'NODE_OPTIONS' | 'LD_PRELOAD', change: (given: string) => string): void {
  const env = environment()
  env[name] = change(env[name] ?? '')
}

function textOf(name: OptionName, env: NodeJS.ProcessEnv): string | undefined {
  const { value } = readOption(name, {}, env)
  return typeof value === 'string' ? value : undefined
}

/** The stat of some programs waits, as the preload library has it. */
function statOf(program: string, env: NodeJS.ProcessEnv): StatOfMissing {
  const stat = oneOf(env, 'DYAD_STAT', ['fetch', 'wait', 'record', 'plain'])
  const waits = (env['DYAD_STAT_WAIT'] || STAT_WAIT).split(':').includes(program)
  return stat === 'fetch' && program !== '' && waits ? 'wait' : stat
}

function oneOf<Word extends string>(env: NodeJS.ProcessEnv, name: string, words: readonly [Word, ...Word[]]): Word {
  const given = env[name]
  if (!given) return words[0]
  const found = words.find((word) => word === given)
  if (found !== undefined) return found
  const detail = `${JSON.stringify(given)} is none of: ${words.join(', ')}`
  throw new DyadError('ERR_DYAD_OPTION', { option: name, detail })
}

function variablesOf(env: NodeJS.ProcessEnv): ReadonlyMap<string, string> {
  const rows: readonly OptionRow<unknown>[] = Object.values(OPTIONS)
  const paths = new Set(rows.filter(({ isPath }) => isPath).map(({ env: name }) => name))
  const variables = new Map<string, string>()
  let bytes = 0
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue
    const said = paths.has(name) && value !== '' ? resolve(value) : value
    bytes += 4 + Buffer.byteLength(name) + Buffer.byteLength(said)
    variables.set(name, said)
  }
  if (bytes <= MOST_BYTES) return variables
  throw new DyadError('ERR_DYAD_OPTION', {
    option: `the variables ${PREFIX}*`,
    detail: `they have ${bytes} bytes together; at most ${MOST_BYTES} are accepted`,
  })
}
