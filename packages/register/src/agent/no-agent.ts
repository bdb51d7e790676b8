import type { Stats } from 'node:fs'
import { constants } from 'node:os'
import { DyadError } from '@dyad-ts/core/internal/client-settings'
import { own } from '../own-fs.js'
import type { AgentFailure } from './protocol.js'

/** Returns the answer if no agent listens. */
export function missingAgent(path: string): AgentFailure {
  return failure(constants.errno.ENOTCONN, `no agent answers at ${path}`)
}

/** Returns the answer if the listener does not speak the protocol. */
export function brokenAgent(path: string): AgentFailure {
  return failure(constants.errno.EPROTO, `what listens at ${path} does not speak its protocol`)
}

/** Returns the answer if the socket is another user's. */
export function strangeAgent(path: string): AgentFailure {
  return failure(constants.errno.EACCES, `the socket ${path} belongs to another user`)
}

function failure(errno: number, detail: string): AgentFailure {
  const { code, message } = new DyadError('ERR_DYAD_AGENT', { detail })
  return { kind: 'failed', errno, code, message }
}

/** Returns true if a socket belongs to this user or to root, or is missing. */
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

/** Warns once a process that calls continue without DYAD. */
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
