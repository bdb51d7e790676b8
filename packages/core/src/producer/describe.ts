import { type BigIntStats, closeSync, fstatSync, fsync, readSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { DyadError, isDyadError } from '../errors.js'
import { digestOf, type FileDigest, RunningDigest } from '../files/digest.js'
import { openRegular } from '../files/open-regular.js'
import { readBack } from '../files/read-back.js'
import type { PublishedFile } from '../kvs/record.js'
import type { ManagedDirectory, ManagedFile } from '../managed-directory.js'

/** What describing a file needs to know of its session. */
export interface DescribeContext {
  readonly node: string
  readonly directory: ManagedDirectory
  readonly fsync: boolean
  /** Files up to this many bytes travel in their records. */
  readonly inlineLimit: number
  /** Files up to this many bytes are read for their digest, where it is not known yet. */
  readonly digestLimit: number
}

/** What a writer knows of its file, as that looked just before it was put in place. */
export interface WrittenFile {
  readonly digest: FileDigest
  readonly stat: BigIntStats
  /** All bytes of a small file. */
  readonly bytes?: Uint8Array | undefined
}

/** A file as it stood when it was opened. */
export interface Described {
  readonly published: PublishedFile
  readonly stat: BigIntStats
}

/**
 * Files up to this size are read for their digest in less time than their record takes to the
 * store, in bytes.
 */
export const SMALL_FILE_BYTES = 64 * 1024

/** Whether it is the same file, with the same contents as far as its size and its time tell. */
export function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.dev === b.dev
}

/**
 * Looks at the file through one descriptor, so that the record is of one file and not of two. The
 * calls are synchronous: they take a few microseconds, and a tenth of what they would through the
 * thread pool. Reading a large file for its digest ends with the signal.
 */
export async function describe(
  file: ManagedFile,
  context: DescribeContext,
  written: WrittenFile | undefined,
  signal: AbortSignal,
): Promise<Described> {
  const { directory, fsync, inlineLimit, digestLimit } = context
  if (written !== undefined && !fsync && stands(file, written, inlineLimit)) {
    const inline = written.stat.size <= inlineLimit ? written.bytes : undefined
    return describedAs(file, context, written.stat, inline, written.digest)
  }
  const fd = openPublished(file, directory, { path: file.path, node: context.node })
  try {
    if (fsync) {
      await syncFile(fd)
      await syncDirectory(dirname(file.local))
    }
    const stat = fstatSync(fd, { bigint: true })
    const inline = inlineLimit > 0 && stat.size <= inlineLimit ? readWhole(fd, stat) : undefined
    const known = written !== undefined && isSame(written.stat, stat) ? written.digest : undefined
    const digest = known ?? (inline ? digestOf(inline) : await digestFrom(fd, stat, digestLimit, signal))
    return describedAs(file, context, stat, inline, digest)
  } finally {
    closeSync(fd)
  }
}

/**
 * Whether the very file that was written stands at its path, and nothing of it needs to be read
 * again.
 */
function stands({ local }: ManagedFile, { stat, bytes }: WrittenFile, inlineLimit: number): boolean {
  if (bytes === undefined && inlineLimit > 0 && stat.size <= inlineLimit) return false
  const now = statSync(local, { bigint: true, throwIfNoEntry: false })
  return now !== undefined && now.mode === stat.mode && isSame(now, stat)
}

function describedAs(
  { path }: ManagedFile,
  { node, directory }: DescribeContext,
  stat: BigIntStats,
  inline: Uint8Array | undefined,
  digest: FileDigest | undefined,
): Described {
  const published = {
    path,
    owner: node,
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    mode: Number(stat.mode) & 0o777,
    storage: directory.real,
    ...(inline && { inline }),
    ...(digest && { digest }),
  }
  return { published, stat }
}

function openPublished(file: ManagedFile, directory: ManagedDirectory, about: { path: string; node: string }): number {
  try {
    return openRegular(file.local, directory.real)
  } catch (cause) {
    if (isDyadError(cause)) throw new DyadError(cause.code, { ...about, detail: cause.detail })
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new DyadError(missing ? 'ERR_DYAD_GONE' : 'ERR_DYAD_SYSTEM', { ...about, cause })
  }
}

/**
 * All bytes of a small file, unless it changes while they are read: then consumers fetch it, and
 * are told.
 */
export function readWhole(fd: number, stat: BigIntStats): Uint8Array | undefined {
  const bytes = Buffer.allocUnsafe(Number(stat.size))
  const length = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, 0)
  return length === bytes.length && isSame(fstatSync(fd, { bigint: true }), stat) ? bytes : undefined
}

/** The digest of a file that was written by other means, unless it changes while it is read. */
async function digestFrom(
  fd: number,
  stat: BigIntStats,
  limit: number,
  signal: AbortSignal,
): Promise<FileDigest | undefined> {
  if (stat.size > limit) return undefined
  if (stat.size <= SMALL_FILE_BYTES) {
    const bytes = readWhole(fd, stat)
    return bytes && digestOf(bytes)
  }
  const running = new RunningDigest()
  await readBack(fd, 0, Number(stat.size), (bytes) => {
    signal.throwIfAborted()
    running.pass(bytes)
  })
  return isSame(fstatSync(fd, { bigint: true }), stat) ? running.digest : undefined
}

const syncFile = promisify(fsync)

/** A renamed file is on stable storage only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
