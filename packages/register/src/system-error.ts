import { getSystemErrorMap } from 'node:util'
import type { AgentFailure } from './agent/protocol.js'

/** The failing call of node:fs, as errors of node:fs name it. */
export interface CallName {
  readonly syscall: string
  readonly path?: string | undefined
  readonly dest?: string | undefined
}

/**
 * Returns the error of node:fs for a failure that the agent answered. Its cause has DYAD's code and
 * message.
 */
export function systemError(failure: AgentFailure, { syscall, path, dest }: CallName): Error {
  const [code, text] = getSystemErrorMap().get(-failure.errno) ?? [`Unknown system error -${failure.errno}`, '']
  const where = `${path === undefined ? '' : ` '${path}'`}${dest === undefined ? '' : ` -> '${dest}'`}`
  const cause = Object.assign(new Error(failure.message), { code: failure.code })
  Object.defineProperty(cause, 'name', { value: 'DyadError', configurable: true, writable: true })
  return Object.assign(new Error(`${code}: ${text}, ${syscall}${where}`, { cause }), {
    errno: -failure.errno,
    code,
    syscall,
    ...(path !== undefined && { path }),
    ...(dest !== undefined && { dest }),
  })
}
