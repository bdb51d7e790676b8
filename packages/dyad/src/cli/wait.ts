import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { print, printJson } from './output.js'
import { Progress } from './progress.js'
import { withSession } from './session.js'

export function addWait(program: Command, signal: AbortSignal): void {
  const command = program
    .command('wait')
    .description('wait until a file is published, without moving it')
    .argument('<path>', 'managed path')
    .option('--json', 'print the record as JSON')
    .action(async (path: string, { json }: { json?: true }) => {
      using progress = new Progress('wait')
      const record = await withSession(givenOptions(command), signal, (session) =>
        session.lookup(path, { signal, onWaiting: () => progress.waiting(path) }),
      )
      if (json) printJson(record)
      else print(record.path)
    })
  addFlags(command, [...STORE_FLAGS, 'timeout'])
  addExamples(command, 'dyad wait group0/frame-1.bin --timeout 60000')
}
