import { debuglog, inspect, styleText } from 'node:util'
import { DyadError, isDyadError } from '@dyad-ts/core'
import { readOption, visible } from '@dyad-ts/core/internal'
import { Interruption } from './interruption.js'
import { tell } from './output.js'
import { CommandError } from './program-file.js'

/** What the command line or the environment must be corrected for. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure that was told already in another process. */
export class ForeignFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.line)
    this.failure = failure
  }
}

/** What an error means for who called the command. */
export interface Failure {
  /** Code and message in one line; '' where there is nothing to say. */
  readonly line: string
  /** 1 for failure, 2 for usage, 128 and the signal's number for a signal. */
  readonly exitCode: number
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Interruption)
    return { line: error.exitCode === 1 ? error.message : '', exitCode: error.exitCode }
  if (error instanceof ForeignFailure) return error.failure
  if (error instanceof UsageError) return { line: error.message, exitCode: 2 }
  if (error instanceof CommandError) return { line: error.message, exitCode: error.exitCode }
  if (isDyadError(error)) {
    const isUsage = error.code === 'ERR_DYAD_OPTION' || error.code === 'ERR_DYAD_DTL_MODE'
    return { line: `${error.code}: ${oneLine(error.message)}`, exitCode: isUsage ? 2 : 1 }
  }
  if (isSystemError(error)) return failureOf(new DyadError('ERR_DYAD_SYSTEM', { path: error.path, cause: error }))
  return { line: error instanceof Error ? oneLine(error.message) : String(error), exitCode: 1 }
}

/** An error of node:fs or node:net names no host, and says nothing of what to do. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

/** Says on stderr what failed, with the stack for who asked to be told what happens. */
export function tellFailure(error: unknown): Failure {
  const failure = failureOf(error)
  if (failure.line !== '') {
    const name = process.stderr.isTTY && process.stderr.hasColors() ? styleText('red', 'dyad:') : 'dyad:'
    process.stderr.write(`${name} ${visible(failure.line)}\n`)
    if (wantsStack()) for (const line of inspect(error).split('\n')) tell(`  ${line}`)
  }
  return failure
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
