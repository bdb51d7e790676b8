import type { FileRecord } from '@dyad/core'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { bytes, printJson, printTable, time } from './output.js'
import { withSession } from './session.js'

export function addLs(program: Command, signal: AbortSignal): void {
  const command = program
    .command('ls')
    .description('list the files that are published now, by path')
    .argument('[pattern]', 'of the paths: *, ** and ?', '**')
    .option('--json', 'print one JSON array of records')
    .action(async (pattern: string, { json }: { json?: true }) => {
      const records: FileRecord[] = []
      await withSession(givenOptions(command), signal, async (session) => {
        for await (const record of session.list(pattern, { signal })) records.push(record)
      })
      records.sort((a, b) => (a.path < b.path ? -1 : 1))
      if (json) return printJson(records)
      if (records.length === 0) return
      const rows = records.map(({ size, mtimeNs, owner, path }) => [bytes(size), time(mtimeNs), owner, path])
      printTable(['SIZE', 'MODIFIED (UTC)', 'OWNER', 'PATH'], rows, ['SIZE'])
    })
  addFlags(command, STORE_FLAGS)
  addExamples(command, 'dyad ls', "dyad ls 'group0/*.bin' --json")
}
