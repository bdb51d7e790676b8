import { subscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { CHANNELS, type Config } from '@dyad-ts/core'
import { visible } from '@dyad-ts/core/internal'

/** How much an event matters, the most important first. */
export type Level = Config['logLevel']

const LEVELS: readonly Level[] = ['error', 'warn', 'info', 'debug']

let threshold: Level | undefined

/**
 * Begins the log of a service: from now on the messages of this process are its lines on stderr,
 * and those below `level` are left out. At `debug`, what every diagnostics channel says is, too.
 */
export function beginLog(level: Level): void {
  threshold = level
  if (level === 'debug') for (const name of CHANNELS) subscribe(name, logDiagnostics)
}

/**
 * Writes an event as one line of the log, with its time in UTC and its level; returns false where
 * this process has no log.
 */
export function logged(level: Level, text: string): boolean {
  if (threshold === undefined) return false
  if (LEVELS.indexOf(level) <= LEVELS.indexOf(threshold)) {
    process.stderr.write(`${new Date().toISOString()} ${level.padEnd(5)} ${visible(text)}\n`)
  }
  return true
}

function logDiagnostics(message: unknown, name: string | symbol): void {
  logged('debug', `${String(name)} ${inspect(message, { breakLength: Number.POSITIVE_INFINITY, depth: 3 })}`)
}
