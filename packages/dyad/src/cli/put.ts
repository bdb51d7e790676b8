import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type ConfigOptions, DyadError, type FileRecord, readConfig } from '@dyad-ts/core'
import type { Command } from 'commander'
import type { Dyad } from '../connect.js'
import { Batch } from './batch.js'
import { addExamples } from './examples.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { print, printJson } from './output.js'
import { Progress } from './progress.js'
import { putFile, putInput } from './put-file.js'
import { putMany } from './put-many.js'
import { withSession } from './session.js'

interface Flags {
  as?: string
  to?: string
  recursive?: true
  json?: true
}

export function addPut(program: Command, signal: AbortSignal): void {
  const command = program
    .command('put')
    .description('copy files into the producer-managed directory and publish them')
    .usage('[options] <file> [path]\n       dyad put [options] <file...> [--to <folder>]')
    .argument('<file...>', 'files to copy, or - for the standard input; one in the directory is published where it is')
    .option(
      '--as <path>',
      'managed path of the only file, also where a file of this name lies beside it; default: the second argument',
    )
    .option('--to <folder>', 'folder of the namespace that the files come into; default: its top')
    .option('-r, --recursive', 'put folders with all files in them; symbolic links are left out')
    .option('--json', 'print the record as JSON; of several files one JSON object')
    .action(async (words: string[], flags: Flags) => {
      const options = givenOptions(command)
      const { producerPath } = readConfig(options)
      if (producerPath === undefined) {
        throw new UsageError('no producer-managed directory: give --producer, or set DYAD_PATH_PRODUCER')
      }
      if (isOfMany(words, flags, producerPath)) await putAll(words, flags, options, signal)
      else await putOne(words, flags, options, signal)
    })
  addFlags(command, [...STORE_FLAGS, 'node', 'producerPath', 'fsyncWrite'])
  addExamples(
    command,
    'dyad put frame-1.bin group0/frame-1.bin',
    'dyad put frame-*.bin --to group0',
    'dyad put --recursive results',
    'tar c results | dyad put - results.tar',
  )
}

/**
 * Returns true if all words name files. The second of two does if a file of that name is here, as a
 * pattern of the shell gives it, unless it is the file that the first one replaces. UsageError.
 */
function isOfMany(words: readonly string[], { as, to, recursive }: Flags, producerPath: string): boolean {
  const [file = '', second] = words
  if (second === '') throw new UsageError('the managed path is empty: name the path under which to publish the file')
  const isOpen = as === undefined && to === undefined && recursive === undefined && words.length === 2
  const isSecondFile = isOpen && second !== undefined && isFileBeside(file, second, producerPath)
  const isMany = to !== undefined || recursive === true || words.length > 2 || isSecondFile
  if (as !== undefined && isMany) throw new UsageError('--as names one file alone')
  if (as !== undefined && second !== undefined) {
    throw new UsageError(`two managed paths for ${file}: ${second}, and --as ${as}`)
  }
  if (isMany && words.includes('-')) throw new UsageError('the standard input is put alone: dyad put - PATH')
  return isMany
}

function isFileBeside(file: string, second: string, producerPath: string): boolean {
  const here = resolve(second)
  const found = file === '-' ? undefined : statSync(here, { throwIfNoEntry: false })
  if (found === undefined) return false
  if (found.isDirectory()) {
    throw new UsageError(
      `${second} is a folder here: give --to ${second} to put ${file} into a folder of that name, --recursive to put ` +
        `both, or --as ${second} if that is the name of ${file}`,
    )
  }
  // Of two files of the producer-managed directory neither is the name of the other.
  const isTarget = here === resolve(producerPath, second)
  return !isTarget || resolve(file).startsWith(`${resolve(producerPath)}/`)
}

async function putAll(words: string[], flags: Flags, options: ConfigOptions, signal: AbortSignal): Promise<void> {
  const { to, recursive = false, json = false } = flags
  await withSession(options, signal, async (session) => {
    // Before anything is written.
    await session.greet()
    using batch = new Batch({ verb: 'put', done: 'published' }, json)
    await putMany(words, { to, recursive }, session, batch, signal)
  })
}

async function putOne(words: string[], { as, json }: Flags, options: ConfigOptions, signal: AbortSignal) {
  const [file = '', name] = words
  const path = as ?? name
  if (file === '-' && path === undefined) throw new UsageError('the standard input has no name: give a path')
  const record = await withSession(options, signal, async (session) => {
    // Before anything is written.
    await session.greet()
    return put(session, file, path, signal)
  })
  if (json) printJson(record)
  else print(record.path)
}

async function put(session: Dyad, file: string, path: string | undefined, signal: AbortSignal): Promise<FileRecord> {
  const name = path ?? basename(file)
  const target = await session.locateProduced(name)
  const here = file === '-' ? undefined : await session.locateProduced(resolve(file))
  if (here !== undefined && (path === undefined || target?.path === here.path)) {
    return session.produce(here.local, { signal })
  }
  // A stream writes to a path that is not managed, as node:fs does. The command refuses it before
  // it opens anything: an open pipe would keep the process waiting for its writer.
  if (target === undefined) {
    throw new DyadError('ERR_DYAD_UNTRACKED', { path: name, detail: session.config.producerPath })
  }
  using progress = new Progress('put')
  const onCopied = progress.update.bind(progress)
  return file === '-'
    ? await putInput(session, name, onCopied, signal)
    : await putFile(session, file, name, onCopied, signal)
}
