import { spawnSync } from 'node:child_process'
import { agentPath } from '@dyad-ts/agent'
import type { Config, ConfigOptions } from '@dyad-ts/core'
import { environment, preloadedBy, readOption, reasonOf } from '@dyad-ts/core/internal'
import { preloadLibrary } from '@dyad-ts/native'
import { greetAgent } from './ask-agent.js'
import { print, printHeading } from './output.js'
import { requiredLibrary } from './preloaded.js'

/** The support of this host for unmodified programs. */
export interface ProgramsReport {
  readonly isUsable: boolean
  /** Path of the library; null if it is missing. */
  readonly library: string | null
  /** Path at which the agent of the node listens; null if the options name none. */
  readonly agent: string | null
  readonly answers: boolean
  readonly findings: readonly Finding[]
}

interface Finding {
  readonly isFatal: boolean
  readonly what: string
  readonly remedy: string
}

/** Looks for the library, loads it into a program, and greets the agent. */
export async function reportPrograms(options: ConfigOptions): Promise<ProgramsReport> {
  const findings: Finding[] = []
  const library = libraryFault()
  if (library !== undefined) findings.push(library)
  const { path, fault } = await agentFault(options)
  if (fault !== undefined) findings.push(fault)
  return {
    isUsable: library === undefined,
    library: preloadLibrary() ?? null,
    agent: path ?? null,
    answers: fault === undefined,
    findings,
  }
}

/** Returns the obstacle to loading the library, if there is one. */
function libraryFault(): Finding | undefined {
  let library: string
  try {
    library = requiredLibrary()
  } catch (error) {
    const [what = '', remedy = ''] = (error as Error).message.split(/: (?=`npm|install)/)
    return { isFatal: true, what, remedy }
  }
  const { status, stderr, error } = spawnSync('true', {
    env: { PATH: environment()['PATH'], LD_PRELOAD: preloadedBy(library, undefined) },
    encoding: 'utf8',
  })
  if (status === 0 && stderr === '') return undefined
  const what = `${library} cannot be loaded: ${(error?.message ?? stderr).trim() || `true(1) ended with ${status}`}`
  const remedy = 'build it on a system with a C library like this one: `npm run build:native`, or install dyad anew'
  return { isFatal: true, what, remedy }
}

/** Returns the path of the agent, and why it does not answer, if it does not. */
async function agentFault(options: ConfigOptions): Promise<{ path?: string; fault?: Finding }> {
  const remedy = 'start the service of this node: `dyad start`; without it `dyad run` begins an agent for each program'
  let path: string
  try {
    const [stateDir, node] = (['stateDir', 'node'] as const).map(
      (name) => readOption(name, options).value as Config['node'],
    )
    const isNamed = options.node !== undefined || options.stateDir !== undefined
    path = (!isNamed && environment()['DYAD_AGENT']) || agentPath(stateDir ?? '', node ?? '')
  } catch (error) {
    return { fault: { isFatal: false, what: reasonOf(error), remedy: 'correct the variable' } }
  }
  try {
    await greetAgent(path, new Map())
    return { path }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const isMissing = code === 'ENOENT' || code === 'ECONNREFUSED'
    const what = isMissing
      ? `no agent listens at ${path}`
      : `the agent at ${path} does not answer as it should: ${message}`
    return { path, fault: { isFatal: false, what, remedy } }
  }
}

/** Prints the report below that of the host. */
export function printPrograms({ isUsable, library, agent, answers, findings }: ProgramsReport): void {
  printHeading(`unmodified programs ${isUsable ? 'can take part here: dyad run' : 'cannot take part here'}`)
  print(`  library        ${library ?? 'not here'}`)
  print(`  agent          ${answers ? `answers at ${agent}` : 'none answers'}`)
  for (const { isFatal, what, remedy } of findings) {
    print(`  ${isFatal ? 'needed' : 'better'}: ${what}`)
    print(`    ${remedy}`)
  }
}
