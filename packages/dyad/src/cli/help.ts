import type { Command } from 'commander'
import { EXIT_CODES } from './exit-codes.js'

/** Adds `dyad help`, which shows the help of a command, also of one below another command. */
export function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show the help of a command')
    .argument('[command...]', 'name of the command, as in `dyad help namespace create`; default: all commands')
    .action((words: string[]) => commandOf(program, words).help())
}

/** The exit codes, one a line. */
export function exitCodeLines(): string {
  return Object.values(EXIT_CODES)
    .map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`)
    .join('\n')
}

function commandOf(program: Command, words: readonly string[]): Command {
  let found = program
  for (const word of words) {
    const next = found.commands.find((command) => command.name() === word)
    if (next === undefined) program.error(`error: unknown command '${words.join(' ')}'`)
    found = next
  }
  return found
}
