import type { Stats } from 'node:fs'
import { constants } from 'node:os'
import { own } from '../own-fs.js'
import type { AgentFailure } from './protocol.js'

const ADVICE = 'Start the node (`dyad start`), or the program through `dyad run`; DYAD_AGENT names the socket.'

/** The answer where no agent listens. */
export function missingAgent(path: string): AgentFailure {
  return failure(constants.errno.ENOTCONN, `no agent answers at ${path}. ${ADVICE}`)
}

/** The answer where what listens does not speak the protocol. */
export function brokenAgent(path: string): AgentFailure {
  return failure(constants.errno.EPROTO, `what listens at ${path} does not speak the protocol of the agent. ${ADVICE}`)
}

/** The answer where the socket is another user's. */
export function strangeAgent(path: string): AgentFailure {
  return failure(constants.errno.EACCES, `the socket ${path} belongs to another user. ${ADVICE}`)
}

function failure(errno: number, message: string): AgentFailure {
  return { kind: 'failed', errno, code: 'ERR_DYAD_AGENT', message }
}

/** Whether a socket belongs to this user or to root, or is not there. */
export function isOwnSocket(path: string): boolean {
  let stats: Stats | undefined
  try {
    stats = own.statSync(path, { throwIfNoEntry: false })
  } catch {
    // Connecting fails as well.
  }
  return stats === undefined || stats.uid === 0 || stats.uid === process.geteuid?.()
}

let hasWarned = false

/** Warns once a process that calls go on without DYAD. */
export function warnOfMissingAgent(path: string): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(
    `no agent answers at ${path}: files of managed directories are neither waited for nor published`,
    {
      type: 'DyadWarning',
      code: 'DYAD_NO_AGENT',
    },
  )
}
