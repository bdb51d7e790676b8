import { CommanderError } from 'commander'
import { tellFailure } from './failure.js'
import { Interruptions } from './interruption.js'
import { program } from './program.js'
import { tellOfSessions } from './session-lines.js'

/**
 * Runs the command line and sets what the process exits with: 0, 1 for failure, 2 for usage, 128
 * and its number for a signal.
 */
export async function run(argv: readonly string[]): Promise<void> {
  using interruptions = new Interruptions()
  using _ = tellOfSessions()
  try {
    await program(interruptions.signal).parseAsync(argv).catch(passAskedFor)
    await interruptions.outputWritten()
  } catch (error) {
    // Commander has said what was wrong.
    process.exitCode = error instanceof CommanderError ? 2 : tellFailure(error).exitCode
  }
}

const ASKED_FOR = new Set(['commander.helpDisplayed', 'commander.version'])

/** Help and version are the only successes that Commander throws. */
function passAskedFor(error: unknown): void {
  if (!(error instanceof CommanderError && ASKED_FOR.has(error.code))) throw error
}
