import { createRequire } from 'node:module'
import { addonFile } from '@dyad-ts/native'
import { missingAgent, warnOfMissingAgent } from './agent/no-agent.js'
import type { AgentAnswer, AgentRequest } from './agent/protocol.js'
import type { Native } from './program.js'

/** An answer of native/addon. */
interface AddonAnswer {
  readonly kind: 'done' | 'absent' | 'record' | 'failed' | 'missing'
  readonly size?: bigint
  readonly mtimeNs?: bigint
  readonly mode?: number
  readonly errno?: number
  readonly message?: string
}

/** The exports of native/addon. */
interface Addon {
  readonly Agent: new (entries: string[]) => AddonAgent
  /** Returns whether a process of this host has a file open for writing. */
  writersOf(path: string): 'none' | 'left' | 'gone' | 'unknown'
  /** Makes the preload library ignore this process. Returns whether it is loaded. */
  standAside(): boolean
  /**
   * Makes the preload library ignore Node itself, and manage addons. Returns whether it is loaded.
   */
  letNodePass(): boolean
}

interface AddonAgent {
  consumeSync(name: string, wait: boolean): AddonAnswer
  lookSync(name: string, wait: boolean): AddonAnswer
  produceSync(name: string): AddonAnswer
  changeSync(name: string): AddonAnswer
  ownSync(name: string): AddonAnswer
  removeSync(name: string, isDirectory: boolean): AddonAnswer
  moveSync(from: string, to: string, isDirectory: boolean): AddonAnswer
}

/** The agent's address for native code. */
export interface NativePlace {
  readonly path: string
  readonly variables: ReadonlyMap<string, string>
  readonly passes: boolean
}

/** Loads the addon. Returns undefined if it is not built, or if Node may load none. */
export function loadAddon(): Addon | undefined {
  const file = addonFile()
  if (file === undefined) return undefined
  try {
    return createRequire(import.meta.url)(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_DISABLED') return undefined
    throw error
  }
}

/** Returns the functions that need native code. */
export function nativeOf(addon: Addon, { path, variables, passes }: NativePlace): Native {
  let agent: AddonAgent | undefined
  const entries = [...new Map([...variables, ['DYAD_AGENT', path]])].map(([name, value]) => `${name}=${value}`)
  return {
    ask(request) {
      agent ??= new addon.Agent(entries)
      return answerOf(asked(agent, request), path, passes)
    },
    hasWriter(file) {
      const writers = addon.writersOf(file)
      return writers === 'unknown' ? undefined : writers !== 'none'
    },
  }
}

function asked(agent: AddonAgent, request: AgentRequest): AddonAnswer {
  switch (request.kind) {
    case 'consume':
      return agent.consumeSync(request.name, request.wait)
    case 'look':
      return agent.lookSync(request.name, request.wait)
    case 'produce':
      return agent.produceSync(request.name)
    case 'change':
      return agent.changeSync(request.name)
    case 'own':
      return agent.ownSync(request.name)
    case 'remove':
      return agent.removeSync(request.name, request.isDirectory)
    case 'move':
      return agent.moveSync(request.from, request.to, request.isDirectory)
  }
}

function answerOf(answer: AddonAnswer, path: string, passes: boolean): AgentAnswer {
  const { kind, size = 0n, mtimeNs = 0n, mode = 0, errno = 0, message = '' } = answer
  if (kind === 'done' || kind === 'absent') return { kind }
  if (kind === 'record') return { kind, size, mtimeNs, mode }
  if (kind === 'missing') {
    if (!passes) return missingAgent(path)
    warnOfMissingAgent(path)
    return { kind: 'passed' }
  }
  const [, code = 'ERR_DYAD_AGENT', text = message] = /^(ERR_DYAD_\w+): (.*)$/s.exec(message) ?? []
  return { kind: 'failed', errno, code, message: text }
}
