import { constants, fstatSync, openSync } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DyadError, type FileRecord } from '@dyad-ts/core'
import { DyadWriteStream } from '@dyad-ts/streams'
import type { Dyad } from '../connect.js'

/** How much is read at once, in bytes. */
const CHUNK_BYTES = 1024 * 1024

/** Receives how many bytes of a source are copied, of how many; `size` is undefined for a pipe. */
export type OnCopied = (done: number, size: number | undefined) => void

/**
 * Copies the standard input, `-`, to a managed path and publishes it. ERR_DYAD_SYSTEM for a
 * directory.
 */
export async function putInput(session: Dyad, path: string, onCopied: OnCopied, signal: AbortSignal) {
  // Node takes one for an input that is empty.
  if (fstatSync(process.stdin.fd).isDirectory())
    throw new DyadError('ERR_DYAD_SYSTEM', { path: '-', detail: 'EISDIR: it is a directory' })
  return write(session, process.stdin, '-', path, { onCopied, signal })
}

/**
 * Copies a file or a named pipe to a managed path and publishes it. ERR_DYAD_SYSTEM if it cannot be
 * read, ERR_DYAD_CHANGED if it changes meanwhile; then nothing is published.
 */
export async function putFile(
  session: Dyad,
  file: string,
  path: string,
  onCopied: OnCopied,
  signal: AbortSignal,
): Promise<FileRecord> {
  // Opening a pipe waits for its writer in a thread, which no signal could end.
  if ((await stat(file).catch(() => undefined))?.isFIFO()) {
    return await write(session, openPipe(file), file, path, { onCopied, signal })
  }
  await using handle = await openSource(file)
  const before = await handle.stat({ bigint: true })
  const source = handle.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })
  const assertSame = async () => {
    const { size, mtimeNs } = await handle.stat({ bigint: true })
    if (size === before.size && mtimeNs === before.mtimeNs) return
    throw new DyadError('ERR_DYAD_CHANGED', {
      path: file,
      detail: 'it changed while it was copied; nothing is published',
    })
  }
  const { size, mode } = before
  return await write(session, source, file, path, {
    size: Number(size),
    mode: Number(mode) & 0o777,
    assertSame,
    onCopied,
    signal,
  })
}

/**
 * Opens a named pipe for reading. The stream waits for the first writer, and ends with the last.
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

interface Writing {
  readonly size?: number
  readonly mode?: number
  /** Rejects if the source is not the one that was opened any more. */
  readonly assertSame?: () => Promise<void>
  readonly onCopied: OnCopied
  readonly signal: AbortSignal
}

async function write(
  session: Dyad,
  source: NodeJS.ReadableStream,
  file: string,
  path: string,
  { size, mode, assertSame = async () => {}, onCopied, signal }: Writing,
): Promise<FileRecord> {
  let done = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length
      onCopied(done, size)
      callback(null, chunk)
    },
    // The stream behind this one publishes once it ends.
    flush(callback) {
      assertSame().then(() => callback(), callback)
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
