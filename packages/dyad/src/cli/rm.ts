import { type ErrorCode, isDyadError } from '@dyad-ts/core'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { tellOneFailure } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { print, printJson } from './output.js'
import { withSession } from './session.js'

/** Failures of one path, after which the command removes the others. */
const OF_A_PATH: ReadonlySet<ErrorCode> = new Set(['ERR_DYAD_NOT_FOUND', 'ERR_DYAD_PATH', 'ERR_DYAD_UNTRACKED'])

export function addRm(program: Command, signal: AbortSignal): void {
  const command = program
    .command('rm')
    .description('remove the records of published files: opens wait for them again, and the files stay')
    .argument('<paths...>', 'managed paths, published by whichever node')
    .option('--json', 'print one JSON array of the paths that were removed')
    .action(async (paths: string[], { json }: { json?: true }) => {
      const removed: string[] = []
      try {
        await withSession(givenOptions(command), signal, async (session) => {
          for (const path of paths) {
            try {
              await session.remove(path, { signal })
            } catch (error) {
              if (!isDyadError(error) || !OF_A_PATH.has(error.code)) throw error
              tellOneFailure(error)
              continue
            }
            if (json) removed.push(path)
            else print(path)
          }
        })
      } finally {
        if (json) printJson(removed)
      }
    })
  addFlags(command, STORE_FLAGS)
  addExamples(command, 'dyad rm group0/frame-1.bin', 'dyad rm --json frame-1.bin frame-2.bin')
}
