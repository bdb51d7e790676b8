import { type Command, InvalidArgumentError } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { print, printJson, tell } from './output.js'
import { OutputReader } from './output-reader.js'
import { withSession } from './session.js'
import { onUnreadable } from './unreadable.js'

export function addWatch(program: Command, signal: AbortSignal): void {
  const command = program
    .command('watch')
    .description('print each published file, the existing ones first, until it is interrupted')
    .argument('[pattern]', 'of the paths: *, **/, ?, [abc], [!abc] and {a,b}', '**')
    .option('--count <number>', 'end after so many files, from 1 on; default: no end', countGiven)
    .option('--json', 'print the records as JSON, one a line')
    .action(async (pattern: string, { count, json }: { count?: number; json?: true }) => {
      using _ = onUnreadable((error) => tell(`left out: ${error.message}`))
      using reader = new OutputReader()
      const ending = AbortSignal.any([signal, reader.signal])
      await withSession(givenOptions(command), ending, async (session) => {
        let printed = 0
        for await (const record of session.watch(pattern, { signal: ending })) {
          if (json) printJson(record)
          else print(record.path)
          if (++printed === count) break
        }
      })
    })
  addFlags(command, STORE_FLAGS)
  addExamples(command, 'dyad watch', "dyad watch 'group0/*.bin' --count 1", 'dyad watch --json | head -n 1')
}

function countGiven(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError('it is no whole number from 1 on')
  }
  return count
}
