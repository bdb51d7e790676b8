import { close, constants, createReadStream, createWriteStream, open, type Stats } from 'node:fs'
import { readlink, realpath, rename, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isatty, WriteStream as TerminalStream } from 'node:tty'
import { promisify } from 'node:util'
import { DyadError } from '@dyad-ts/core'
import { Temporaries, writeAll } from '@dyad-ts/core/internal'

/** The number of links that Linux follows on one path. */
const MOST_LINKS = 40
/**
 * A pipe without a reader, or a line that does not answer, is an error and not a wait: Node cannot
 * end while an open blocks.
 */
const WRITE_SPECIAL = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY

const openFile = promisify(open)
const closeFile = promisify(close)

/**
 * Copies a file to a destination, and resolves with its path: into a directory, or as `copyAs`.
 * ERR_DYAD_STORE.
 */
export async function copyTo(local: string, destination: string, signal: AbortSignal): Promise<string> {
  const named = await stat(destination).catch(() => undefined)
  const place = resolve(named?.isDirectory() ? join(destination, basename(local)) : destination)
  if (destination.endsWith('/') && !named?.isDirectory()) {
    throw new DyadError('ERR_DYAD_STORE', { path: place, detail: `${destination} is no directory` })
  }
  await copyAs(local, place, signal)
  return place
}

/**
 * Copies a file to a path: through symbolic links to what they lead to, into a device or a pipe. It
 * replaces a regular file whole, so that no reader sees a part of it; other hard links of that keep
 * their content. A path that leads to the file itself stays as it is. ERR_DYAD_STORE.
 */
export async function copyAs(local: string, place: string, signal: AbortSignal): Promise<void> {
  try {
    const [from, stands] = await Promise.all([stat(local), stat(place).catch(() => undefined)])
    if (stands?.ino === from.ino && stands.dev === from.dev) return
    if (stands === undefined) await replace(local, await leadsTo(place), signal)
    else if (stands.isFile()) await replace(local, await realpath(place), signal)
    else if (stands.isDirectory()) throw new Error('a directory of that name is there')
    else await writeInto(local, place, stands, signal)
  } catch (cause) {
    signal.throwIfAborted()
    throw new DyadError('ERR_DYAD_STORE', { path: place, cause })
  }
}

/**
 * Returns the file that open(2) would create at a path where nothing stands, by following links at
 * its end.
 */
async function leadsTo(place: string): Promise<string> {
  let at = place
  for (let links = 0; links < MOST_LINKS; links++) {
    const next = await readlink(at).catch(() => undefined)
    if (next === undefined) return at
    at = resolve(await realpath(dirname(at)), next)
  }
  throw new Error('it leads from link to link')
}

/** Copies beside the target and renames, so that no reader sees a part of it. */
async function replace(local: string, target: string, signal: AbortSignal): Promise<void> {
  const temporaries = new Temporaries()
  const { mode } = await stat(local)
  // A missing directory is most likely a mistake, and is not created.
  await stat(dirname(target))
  // The descriptor holds its lock. The next copy in this directory removes what a killed one
  // leaves.
  const { path, fd } = temporaries.create(target, mode & 0o777)
  try {
    let done = 0
    // A stream would close the descriptor if it failed.
    for await (const chunk of createReadStream(local, { signal })) {
      await writeAll(fd, chunk, done)
      done += chunk.length
    }
    await rename(path, target)
  } catch (error) {
    temporaries.remove(path)
    throw error
  } finally {
    await closeFile(fd)
    await temporaries.settled()
  }
}

/** Writes into the device, pipe or socket that stands there. */
async function writeInto(local: string, place: string, stands: Stats, signal: AbortSignal): Promise<void> {
  const fd = await openFile(place, WRITE_SPECIAL).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENXIO') throw error
    throw new Error(stands.isFIFO() ? 'nobody reads the pipe' : 'it cannot be written to', { cause: error })
  })
  let sink: Writable
  try {
    sink = streamInto(fd, stands)
  } catch (error) {
    await closeFile(fd)
    throw error
  }
  await pipeline(createReadStream(local), sink, { signal })
}

/**
 * Returns a stream that closes the descriptor, and that waits while a pipe or a terminal is full.
 */
function streamInto(fd: number, stands: Stats): Writable {
  if (isatty(fd)) return new TerminalStream(fd)
  return stands.isFIFO() ? new Socket({ fd, readable: false, writable: true }) : createWriteStream('', { fd })
}
