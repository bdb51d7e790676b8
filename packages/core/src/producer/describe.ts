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

/** The part of a session that describing a file uses. */
export interface DescribeContext {
  readonly node: string
  readonly directory: ManagedDirectory
  readonly fsync: boolean
  /** Files up to this many bytes travel in their records. */
  readonly inlineLimit: number
  /** Files up to this many bytes are read for their digest, where it is not known yet. */
  readonly digestLimit: number
}

/** The attributes of a file that are published, and that tell whether it is still the same. */
export type FileLooks = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'mode'>

/** What a writer knows of its file, as that looked just before it was put in place. */
export interface WrittenFile {
  readonly digest: FileDigest
  readonly looks: FileLooks
  /** All bytes of a small file. */
  readonly bytes?: Uint8Array | undefined
}

/** A file as it stood when it was opened. */
export interface Described {
  readonly published: PublishedFile
  readonly looks: FileLooks
}

/** Returns the attributes that are needed while a record is stored: all of them take a kilobyte. */
export function looksOf({ dev, ino, size, mtimeNs, mode }: BigIntStats): FileLooks {
  return { dev, ino, size, mtimeNs, mode }
}

/**
 * Files up to this size are read for their digest in less time than their record takes to the
 * store, in bytes.
 */
export const SMALL_FILE_BYTES = 64 * 1024

/** Whether it is the same file, with the same contents as far as its size and its time tell. */
export function isSame(a: FileLooks, b: FileLooks): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.dev === b.dev
}

/**
 * Looks at the file through one descriptor, so that the record is of one file and not of two. The
 * calls are synchronous: they take a few microseconds, and a tenth of what they would through the
 * thread pool. Reading a large file for its digest ends with the signal. What the writer knows of
 * its file is enough, and is there at once, where nothing needs to be read.
 * @param isFresh whether the written file was put in place just now, so that nobody looks again
 */
export function describe(
  file: ManagedFile,
  context: DescribeContext,
  written: WrittenFile | undefined,
  signal: AbortSignal,
  isFresh = false,
): Described | Promise<Described> {
  const { fsync, inlineLimit } = context
  if (written !== undefined && !fsync && stands(file, written, inlineLimit, isFresh)) {
    const inline = written.looks.size <= inlineLimit ? written.bytes : undefined
    return describedAs(file, context, written.looks, inline, written.digest)
  }
  return describeOpened(file, context, written, signal)
}

async function describeOpened(
  file: ManagedFile,
  context: DescribeContext,
  written: WrittenFile | undefined,
  signal: AbortSignal,
): Promise<Described> {
  const { directory, fsync, inlineLimit, digestLimit } = context
  const fd = openPublished(file, directory, { path: file.path, node: context.node })
  try {
    if (fsync) {
      await syncFile(fd)
      await syncDirectory(dirname(file.local))
    }
    const stat = fstatSync(fd, { bigint: true })
    const inline = inlineLimit > 0 && stat.size <= inlineLimit ? readWhole(fd, stat) : undefined
    const known = written !== undefined && isSame(written.looks, stat) ? written.digest : undefined
    const digest = known ?? (inline ? digestOf(inline) : await digestFrom(fd, stat, digestLimit, signal))
    return describedAs(file, context, looksOf(stat), inline, digest)
  } finally {
    closeSync(fd)
  }
}

/**
 * Whether the very file that was written stands at its path, and nothing of it needs to be read
 * again.
 */
function stands({ local }: ManagedFile, { looks, bytes }: WrittenFile, inlineLimit: number, isFresh: boolean): boolean {
  if (bytes === undefined && inlineLimit > 0 && looks.size <= inlineLimit) return false
  if (isFresh) return true
  const now = statSync(local, { bigint: true, throwIfNoEntry: false })
  return now !== undefined && now.mode === looks.mode && isSame(now, looks)
}

function describedAs(
  { path }: ManagedFile,
  { node, directory }: DescribeContext,
  looks: FileLooks,
  inline: Uint8Array | undefined,
  digest: FileDigest | undefined,
): Described {
  const published = {
    path,
    owner: node,
    size: Number(looks.size),
    mtimeNs: looks.mtimeNs,
    mode: Number(looks.mode) & 0o777,
    storage: directory.real,
    ...(inline && { inline }),
    ...(digest && { digest }),
  }
  return { published, looks }
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

/** All bytes of a small file, unless it changes meanwhile: then consumers fetch it, and notice. */
function readWhole(fd: number, stat: FileLooks): Uint8Array | undefined {
  const bytes = readSmall(fd, Number(stat.size))
  return bytes !== undefined && isSame(fstatSync(fd, { bigint: true }), stat) ? bytes : undefined
}

/** The first `size` bytes of a file, if one call reads them all. */
export function readSmall(fd: number, size: number): Uint8Array | undefined {
  const bytes = Buffer.allocUnsafe(size)
  return size === 0 || readSync(fd, bytes, 0, size, 0) === size ? bytes : undefined
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
