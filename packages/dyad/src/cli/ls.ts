import type { FileRecord } from '@dyad-ts/core'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { tellOneFailure } from './failure.js'
import { addAnswerTimeout, addFlags, askingOptions, STORE_FLAGS } from './flags.js'
import { bytes, printJsonArray, printTable, tell, time } from './output.js'
import { OutputReader } from './output-reader.js'
import { plural } from './plural.js'
import { withSession } from './session.js'
import { onUnreadable } from './unreadable.js'

export function addLs(program: Command, signal: AbortSignal): void {
  const command = program
    .command('ls')
    .description('list the published files by path')
    .argument('[pattern]', 'of the paths: *, **/, ?, [abc], [!abc] and {a,b}', '**')
    .option('--json', 'print one JSON array of records')
    .action(async (pattern: string, { json }: { json?: true }) => {
      const records: FileRecord[] = []
      let unreadable = 0
      using _ = onUnreadable(() => {
        unreadable++
      })
      using reader = new OutputReader()
      const ending = AbortSignal.any([signal, reader.signal])
      const { options } = askingOptions(command)
      await withSession(options, ending, async (session) => {
        for await (const record of session.list(pattern, { signal: ending })) records.push(record)
      }).catch((error: unknown) => {
        // The command shows the records that have come by then.
        if (ending.aborted || records.length === 0) throw error
        tellOneFailure(error)
      })
      if (unreadable > 0) {
        const left = `${plural(unreadable, 'record')} cannot be read and ${unreadable === 1 ? 'is' : 'are'} left out`
        tell(`${left}; DYAD_SYNC_DEBUG=1 says why`)
      }
      records.sort((a, b) => (a.path < b.path ? -1 : 1))
      if (json) return printJsonArray(records)
      if (records.length === 0) return
      const rows = records.map(({ size, mtimeNs, owner, path }) => [bytes(size), time(mtimeNs), owner, path])
      await printTable(['SIZE', 'MODIFIED (UTC)', 'OWNER', 'PATH'], rows, ['SIZE'])
    })
  addAnswerTimeout(addFlags(command, STORE_FLAGS))
  addExamples(command, 'dyad ls', "dyad ls 'group0/*.bin' --json")
}
