import { constants, existsSync, fstatSync, openSync } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DyadError, type FileRecord, readConfig } from '@dyad-ts/core'
import { DyadWriteStream } from '@dyad-ts/streams'
import type { Command } from 'commander'
import type { Dyad } from '../connect.js'
import { addExamples } from './examples.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { print, printJson } from './output.js'
import { Progress } from './progress.js'
import { withSession } from './session.js'

/** How much is read at once, in bytes. */
const CHUNK_BYTES = 1024 * 1024

export function addPut(program: Command, signal: AbortSignal): void {
  const command = program
    .command('put')
    .description('copy a file into the producer-managed directory and publish it')
    .argument('<file>', 'file to copy, or - for the standard input; one in the directory is published where it is')
    .argument('[path]', 'managed path; default: the name of the file')
    .option('--as <path>', 'managed path, also where a file of this name lies beside the one to copy')
    .option('--json', 'print the record as JSON')
    .action(async (file: string, name: string | undefined, { as, json }: { as?: string; json?: true }) => {
      const options = givenOptions(command)
      const { producerPath } = readConfig(options)
      if (producerPath === undefined) {
        throw new UsageError('no producer-managed directory: give --producer-path, or set DYAD_PATH_PRODUCER')
      }
      if (name !== undefined) assertName(file, name, as, producerPath)
      const path = as ?? name
      if (file === '-' && path === undefined) throw new UsageError('the standard input has no name: give a path')
      const record = await withSession(options, signal, async (session) => {
        // Before anything is written.
        await session.greet()
        return put(session, file, path, signal)
      })
      if (json) printJson(record)
      else print(record.path)
    })
  addFlags(command, [...STORE_FLAGS, 'node', 'producerPath', 'fsyncWrite'])
  addExamples(command, 'dyad put frame-1.bin group0/frame-1.bin', 'tar c results | dyad put - results.tar')
}

/** A pattern of the shell that matches two files gives the second one as the name of the first. */
function assertName(file: string, name: string, as: string | undefined, producerPath: string): void {
  if (as !== undefined) throw new UsageError(`two managed paths for ${file}: ${name}, and --as ${as}`)
  const here = resolve(name)
  if (!existsSync(here) || here === resolve(producerPath, name)) return
  throw new UsageError(
    `${name} lies here, but as the second argument it names what ${file} is published as; ` +
      `put one file at a time, or give --as ${name} if it is the name`,
  )
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
  if (file === '-') {
    // Node takes one for an input that is empty.
    if (fstatSync(process.stdin.fd).isDirectory())
      throw new DyadError('ERR_DYAD_SYSTEM', { path: file, detail: 'EISDIR: it is a directory' })
    return write(session, process.stdin, file, name, undefined, undefined, signal)
  }
  // Opening a pipe waits for its writer in a thread, which no signal could end.
  if ((await stat(file).catch(() => undefined))?.isFIFO()) {
    return await write(session, openPipe(file), file, name, undefined, undefined, signal)
  }
  await using handle = await openSource(file)
  const { size, mode } = await handle.stat()
  const source = handle.createReadStream({ highWaterMark: CHUNK_BYTES })
  return await write(session, source, file, name, size, mode & 0o777, signal)
}

/**
 * What comes through a named pipe: it ends with the last of its writers, and waits for the first.
 */
function openPipe(file: string): Socket {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  return new Socket({ fd, readable: true, writable: false })
}

async function openSource(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (cause) {
    throw new DyadError('ERR_DYAD_SYSTEM', { path: file, cause })
  }
}

async function write(
  session: Dyad,
  source: NodeJS.ReadableStream,
  file: string,
  path: string,
  size: number | undefined,
  mode: number | undefined,
  signal: AbortSignal,
): Promise<FileRecord> {
  using progress = new Progress('put')
  let done = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length
      progress.update(done, size)
      callback(null, chunk)
    },
  })
  const sink = new DyadWriteStream(session, path, { mode })
  let record: FileRecord | undefined
  sink.on('published', (published: FileRecord) => {
    record = published
  })
  await pipeline(source, counted, sink, { signal }).catch((cause: NodeJS.ErrnoException) => {
    // The system does not say what it could not read, such as a directory.
    throw cause.syscall === 'read' ? new DyadError('ERR_DYAD_SYSTEM', { path: file, cause }) : cause
  })
  if (record === undefined) throw new DyadError('ERR_DYAD_PUBLISH', { path })
  return record
}
