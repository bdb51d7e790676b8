import { CommanderError } from 'commander'
import { EXIT_CODES } from './exit-codes.js'
import { tellFailure } from './failure.js'
import { Interruptions } from './interruption.js'
import { NpmParent } from './npm-parent.js'
import { program } from './program.js'
import { tellOfSessions } from './session-lines.js'

/** Runs the command line and sets the exit code of the process, one of EXIT_CODES. */
export async function run(argv: readonly string[]): Promise<void> {
  using interruptions = new Interruptions()
  using _lines = tellOfSessions()
  using _parent = new NpmParent(interruptions.signal)
  try {
    await program(interruptions.signal).parseAsync(argv).catch(passAskedFor)
    await interruptions.outputWritten()
  } catch (error) {
    // Commander has said what was wrong.
    process.exitCode = error instanceof CommanderError ? EXIT_CODES.usage.code : tellFailure(error).exitCode
  }
}

/** Commander throws after help and version, too: with exit code 0 where the caller asked for it. */
function passAskedFor(error: unknown): void {
  if (!(error instanceof CommanderError && error.exitCode === 0)) throw error
}
