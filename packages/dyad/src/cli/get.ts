import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type FileRecord, readConfig } from '@dyad-ts/core'
import type { Command } from 'commander'
import { copyTo } from './destination.js'
import { addExamples } from './examples.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { outputFailure } from './interruption.js'
import { outputStream, print, printJson } from './output.js'
import { Progress } from './progress.js'
import { withSession } from './session.js'

export function addGet(program: Command, signal: AbortSignal): void {
  const command = program
    .command('get')
    .description('wait for a file, bring it into the consumer-managed directory, and print where it is')
    .argument('<path>', 'managed path')
    .argument('[destination]', 'file, directory, pipe or device to copy it to, or - for the standard output')
    .option('--json', 'print the record and the local path as JSON')
    .action(async (path: string, destination: string | undefined, { json }: { json?: true }) => {
      const options = givenOptions(command)
      if (readConfig(options).consumerPath === undefined) {
        throw new UsageError('no consumer-managed directory: give --consumer-path, or set DYAD_PATH_CONSUMER')
      }
      if (json && destination === '-') throw new UsageError('--json and - both want the standard output')
      const { local, record } = await get(options, path, signal)
      if (destination === '-') return toOutput(local, signal)
      const place = destination === undefined ? local : await copyTo(local, destination, signal)
      if (json) printJson({ ...record, local: place })
      else print(place)
    })
  addFlags(command, [
    ...STORE_FLAGS,
    ...(['node', 'consumerPath', 'dtlMode', 'sharedStorage', 'timeout', 'ownerTimeout', 'progressTimeout'] as const),
    'stateDir',
  ])
  addExamples(command, 'dyad get group0/frame-1.bin', 'dyad get results.tar - | tar x')
}

async function get(options: ReturnType<typeof givenOptions>, path: string, signal: AbortSignal) {
  using progress = new Progress('get')
  let record: FileRecord | undefined
  const local = await withSession(options, signal, (session) =>
    session.consume(path, {
      signal,
      onWaiting: () => progress.waiting(path),
      onRecord: (found) => {
        record = found
      },
      onProgress: (arrived, size) => progress.update(arrived, size),
    }),
  )
  return { local, record }
}

async function toOutput(local: string, signal: AbortSignal): Promise<void> {
  const output = outputStream()
  try {
    // A pipeline that does not end its destination does not wait for the last write. The end of the
    // command waits for what process.stdout still holds.
    await pipeline(createReadStream(local), output, { signal, end: output !== process.stdout })
  } catch (error) {
    signal.throwIfAborted()
    // Who reads no more has what it wanted.
    const { code, syscall } = error as NodeJS.ErrnoException
    if (code !== 'EPIPE') throw syscall === 'write' ? outputFailure(error as NodeJS.ErrnoException) : error
  }
}
