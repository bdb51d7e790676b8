import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type ConfigOptions, type FileRecord, readConfig } from '@dyad-ts/core'
import type { Command } from 'commander'
import { Batch } from './batch.js'
import { copyTo } from './destination.js'
import { addExamples } from './examples.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { getMany } from './get-many.js'
import { outputFailure } from './interruption.js'
import { outputStream, print, printJson, tell } from './output.js'
import { OutputReader } from './output-reader.js'
import { OwnerWait } from './owner-wait.js'
import { Progress } from './progress.js'
import { withSession } from './session.js'
import { onUnreadable } from './unreadable.js'

interface Flags {
  to?: string
  recursive?: true
  match?: true
  json?: true
}

export function addGet(program: Command, signal: AbortSignal): void {
  const command = program
    .command('get')
    .description('wait for files, copy them into the consumer-managed directory, and print their local paths')
    .usage('[options] <path> [destination]\n       dyad get [options] <path...> --to <directory>')
    .argument('<path...>', 'managed paths; of two without --to, --recursive or --match the second is a destination')
    .option(
      '--to <directory>',
      'directory to copy the files to, made if it is missing; default: they stay in the managed one',
    )
    .option('-r, --recursive', 'get all files that are published now in the folders that are named; . is the top')
    .option('--match', 'get all files that are published now and match the patterns that are given')
    .option('--json', 'print the record and the local path as JSON; of several files one JSON object')
    .addHelpText(
      'after',
      '\nThe destination is a file, a directory, a pipe or a device to copy the file to, or - for the standard output.',
    )
    .action(async (words: string[], flags: Flags) => {
      const options = givenOptions(command)
      if (readConfig(options).consumerPath === undefined) {
        throw new UsageError('no consumer-managed directory: give --consumer, or set DYAD_PATH_CONSUMER')
      }
      if (isOfMany(words, flags)) await getAll(words, flags, options, signal)
      else await getOne(words, flags, options, signal)
    })
  addFlags(command, [
    ...STORE_FLAGS,
    ...(['node', 'consumerPath', 'dtlMode', 'sharedStorage', 'timeout', 'ownerTimeout', 'progressTimeout'] as const),
    'stateDir',
  ])
  addExamples(
    command,
    'dyad get group0/frame-1.bin',
    'dyad get results.tar - | tar x',
    'dyad get --recursive group0 --to /tmp/out',
    "dyad get --match 'group0/*.bin' --to /tmp/out",
  )
}

function isOfMany(words: readonly string[], { to, recursive, match }: Flags): boolean {
  if (recursive && match) throw new UsageError('--match and --recursive exclude each other: a pattern may have **')
  if (to === '-') throw new UsageError('--to names a directory; the standard output takes one file: dyad get PATH -')
  return to !== undefined || recursive === true || match === true || words.length > 2
}

async function getAll(
  words: string[],
  { to, recursive, match, json }: Flags,
  options: ConfigOptions,
  signal: AbortSignal,
) {
  const naming = match ? 'patterns' : recursive ? 'folders' : 'paths'
  using reader = new OutputReader()
  const ending = AbortSignal.any([signal, reader.signal])
  await withSession(options, ending, async (session) => {
    await session.greet()
    using batch = new Batch({ verb: 'get', done: 'fetched' }, json === true)
    using _ = onUnreadable((error) => batch.progress.aside(() => tell(`left out: ${error.message}`)))
    await getMany(words, { naming, to }, session, batch, ending)
  })
}

async function getOne(words: string[], { json }: Flags, options: ConfigOptions, signal: AbortSignal): Promise<void> {
  const [path = '', destination] = words
  if (json && destination === '-') throw new UsageError('--json and - both want the standard output')
  if (destination === '-') {
    using reader = new OutputReader()
    const ending = AbortSignal.any([signal, reader.signal])
    const { local } = await get(options, path, ending)
    return await toOutput(local, ending)
  }
  const { local, record } = await get(options, path, signal)
  const place = destination === undefined ? local : await copyTo(local, destination, signal)
  if (json) printJson({ ...record, local: place })
  else print(place)
}

async function get(options: ReturnType<typeof givenOptions>, path: string, signal: AbortSignal) {
  using progress = new Progress('get')
  using ownerWait = new OwnerWait(path)
  let record: FileRecord | undefined
  const local = await withSession(options, signal, (session) =>
    session.consume(path, {
      signal,
      onWaiting: () => progress.waiting(path),
      onRecord: (found) => {
        record = found
      },
      onProgress: (arrived, size) => {
        ownerWait.end()
        progress.update(arrived, size)
      },
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
    // A reader that closes the pipe has read enough.
    const { code, syscall } = error as NodeJS.ErrnoException
    if (code !== 'EPIPE') throw syscall === 'write' ? outputFailure(error as NodeJS.ErrnoException) : error
  }
}
