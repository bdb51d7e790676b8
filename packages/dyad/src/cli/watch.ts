import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { print, printJson, tell } from './output.js'
import { withSession } from './session.js'
import { onUnreadable } from './unreadable.js'

export function addWatch(program: Command, signal: AbortSignal): void {
  const command = program
    .command('watch')
    .description('print each file that is published, those already there first, until interrupted')
    .argument('[pattern]', 'of the paths: *, **/, ?, [abc], [!abc] and {a,b}', '**')
    .option('--json', 'print the records as JSON, one a line')
    .action(async (pattern: string, { json }: { json?: true }) => {
      using _ = onUnreadable((error) => tell(`left out: ${error.message}`))
      await withSession(givenOptions(command), signal, async (session) => {
        for await (const record of session.watch(pattern, { signal })) {
          if (json) printJson(record)
          else print(record.path)
        }
      })
    })
  addFlags(command, STORE_FLAGS)
  addExamples(command, 'dyad watch', "dyad watch 'group0/*.bin' --json | head -n 1")
}
