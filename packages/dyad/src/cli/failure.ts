import { debuglog, inspect, styleText } from 'node:util'
import { DyadError, isDyadError } from '@dyad-ts/core'
import { readOption, visible } from '@dyad-ts/core/internal'
import { EXIT_CODES, type ExitCodeRow, exitCodeOf } from './exit-codes.js'
import { Interruption } from './interruption.js'
import { tell } from './output.js'
import { CommandError } from './program-file.js'
import { logged } from './service-log.js'

/** A mistake in the command line or the environment. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure with a row of the table of exit codes, and without a code of DYAD. */
export class RowError extends Error {
  readonly exitCode: number

  constructor(row: ExitCodeRow, message: string) {
    super(message)
    this.exitCode = row.code
  }
}

/** The failure of another process that works for this command. */
export class ForeignFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.line)
    this.failure = failure
  }
}

/** What the command says of an error, and exits with. */
export interface Failure {
  /** Code and message in one line; '' where there is nothing to say. */
  readonly line: string
  /** A code of EXIT_CODES, or that of the program that `dyad run` runs. */
  readonly exitCode: number
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Interruption) return { line: error.isQuiet ? '' : error.message, exitCode: error.exitCode }
  if (error instanceof ForeignFailure) return error.failure
  if (error instanceof UsageError) return { line: error.message, exitCode: EXIT_CODES.usage.code }
  if (error instanceof CommandError || error instanceof RowError)
    return { line: error.message, exitCode: error.exitCode }
  const exitCode = exitCodeOf(error)
  if (isDyadError(error)) return { line: `${error.code}: ${oneLine(error.message)}`, exitCode }
  if (isSystemError(error)) return failureOf(new DyadError('ERR_DYAD_SYSTEM', { path: error.path, cause: error }))
  return { line: error instanceof Error ? oneLine(error.message) : String(error), exitCode }
}

/** An error of node:fs or node:net names no host, and says nothing of what to do. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

/**
 * Writes a failure to the log of a service, else to stderr, with its stack where NODE_DEBUG=dyad or
 * DYAD_SYNC_DEBUG asks for details.
 */
export function tellFailure(error: unknown): Failure {
  const failure = failureOf(error)
  if (failure.line === '') return failure
  if (logged('error', failure.line)) {
    logged('debug', inspect(error))
  } else {
    const name = process.stderr.isTTY && process.stderr.hasColors() ? styleText('red', 'dyad:') : 'dyad:'
    process.stderr.write(`${name} ${visible(failure.line)}\n`)
    if (wantsStack()) for (const line of inspect(error).split('\n')) tell(`  ${line}`)
  }
  return failure
}

/**
 * Writes the failure of one of several things that a command does. The command exits with the code
 * that they have in common, and with 1 where they differ.
 */
export function tellOneFailure(error: unknown): void {
  const { exitCode } = tellFailure(error)
  const former = process.exitCode
  process.exitCode = former === undefined || former === exitCode ? exitCode : EXIT_CODES.failure.code
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}

function wantsStack(): boolean {
  try {
    return debuglog('dyad').enabled || readOption('syncDebug').value === true
  } catch {
    return false
  }
}
