import { DyadError, type FileRecord } from '@dyad-ts/core'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { bytes, print, printJson, time } from './output.js'
import { withSession } from './session.js'

export function addLookup(program: Command, signal: AbortSignal): void {
  const command = program
    .command('lookup')
    .description('print the record of a published file; exits with 3 if it is not published')
    .argument('<path>', 'managed path')
    .option('--json', 'print JSON')
    .action(async (path: string, { json }: { json?: true }) => {
      const record = await withSession(givenOptions(command), signal, (session) =>
        session.lookup(path, { wait: false, signal }),
      )
      if (record === undefined) throw new DyadError('ERR_DYAD_NOT_FOUND', { path })
      if (json) printJson(record)
      else printRecord(record)
    })
  addFlags(command, STORE_FLAGS)
  addExamples(command, 'dyad lookup group0/frame-1.bin', 'dyad lookup group0/frame-1.bin --json')
}

function printRecord({ path, owner, size, mtimeNs, mode, storage, generation, digest }: FileRecord): void {
  print(`path        ${path}`)
  print(`owner       ${owner}`)
  print(`storage     ${storage}`)
  print(`size        ${size} (${bytes(size)})`)
  print(`modified    ${time(mtimeNs)} UTC`)
  print(`mode        ${mode.toString(8).padStart(4, '0')}`)
  print(`generation  ${generation}`)
  print(`digest      ${digest === undefined ? 'none' : `${digest.algorithm} ${digest.value}`}`)
}
