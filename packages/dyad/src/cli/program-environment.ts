import type { ConfigOptions } from '@dyad-ts/core'
import { preloadedBy } from '@dyad-ts/core/internal'
import { exported } from './exported.js'
import { registeringOptions } from './preloaded.js'

interface ProgramSettings {
  /** The environment of this process. */
  readonly outer: NodeJS.ProcessEnv
  readonly options: ConfigOptions
  readonly library: string
  /** Where its agent listens; undefined for the agent of the node. */
  readonly agent: string | undefined
  /** The run that its report describes. */
  readonly run: string | undefined
}

/** Returns the environment of a program that takes part. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE. */
export function environmentOfProgram({ outer, options, library, agent, run }: ProgramSettings): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...outer }
  const variables = exported(options)
    .set('DYAD_AGENT', agent)
    .set('DYAD_RUN', run ?? outer['DYAD_RUN'])
    .set('LD_PRELOAD', preloadedBy(library, outer['LD_PRELOAD']))
    .set('NODE_OPTIONS', registeringOptions(outer['NODE_OPTIONS']) ?? outer['NODE_OPTIONS'])
  for (const [name, value] of variables) {
    if (value === undefined) delete env[name]
    else env[name] = value
  }
  return env
}

/**
 * Returns the variables by which a program chooses its session and its agent: those that begin with
 * DYAD_.
 */
export function programVariables(env: NodeJS.ProcessEnv): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('DYAD_') && value !== undefined) found.set(name, value)
  }
  return found
}
