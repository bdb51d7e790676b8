import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBroker } from './broker.js'
import { addCompletion } from './completion.js'
import { addDoctor } from './doctor.js'
import { addEnv } from './env.js'
import { addGet } from './get.js'
import { addHelp, exitCodeLines } from './help.js'
import { addLookup } from './lookup.js'
import { addLs } from './ls.js'
import { addNamespace } from './namespace.js'
import { tell, write } from './output.js'
import { addPut } from './put.js'
import { addRm } from './rm.js'
import { addRun } from './run-program.js'
import { addStart } from './start.js'
import { addStatus } from './status.js'
import { addStop } from './stop.js'
import { addToken } from './token.js'
import { addWait } from './wait.js'
import { addWatch } from './watch.js'

/** Adds one command, which ends early when the signal fires. */
export type AddCommand = (program: Command, signal: AbortSignal) => void

const COMMANDS: readonly AddCommand[] = [
  addStart,
  addBroker,
  addStop,
  addRun,
  addStatus,
  addDoctor,
  addNamespace,
  addPut,
  addGet,
  addWait,
  addWatch,
  addLs,
  addLookup,
  addRm,
  addEnv,
  addToken,
  addCompletion,
  addHelp,
]

/** The whole command line. */
export function program(signal: AbortSignal): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const root = new Command('dyad')
    .description('Files stream from producers to consumers across nodes, synchronized per file.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: write,
      outputError,
    })
    // Words after a command belong to that command, and not to the ones above it.
    .enablePositionalOptions()
    .showHelpAfterError('(--help says more)')
    .addHelpText(
      'after',
      `
Variables DYAD_* set the options that no flag sets; \`dyad env\` shows them. Times take a unit: 250ms, 30s, 5m, 1.5h.
A terminal shows control characters of names as \\n, \\x1b or \\u202e. Output to a pipe has names as they are, except
for ends of lines. --json is exact.

Exit codes:
${exitCodeLines()}`,
    )
  for (const add of COMMANDS) add(root, signal)
  return root
}

/**
 * The words of a command line may come from others, and the message quotes them; commander adds a
 * line that helps.
 */
function outputError(text: string): void {
  const [, message = text, hint] = /^(.*?)(?:\n(\(Did you mean .*\?\)))?\n$/s.exec(text) ?? []
  tell(message)
  if (hint !== undefined) tell(hint)
}
