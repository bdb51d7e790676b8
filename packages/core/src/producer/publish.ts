import { type BigIntStats, closeSync, fstatSync, fsync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { report } from '../diagnostics.js'
import { DyadError, isDyadError, withContext } from '../errors.js'
import type { KvsNamespace } from '../kvs/contract.js'
import { encodeRecord, type FileRecord, type PublishedFile } from '../kvs/record.js'
import type { ManagedDirectory, ManagedFile } from '../managed-directory.js'
import { openRegular } from '../open-regular.js'

/** What publishing needs to know of its session. */
export interface PublishContext {
  readonly node: string
  readonly directory: ManagedDirectory
  readonly fsync: boolean
  /** Files up to this many bytes travel in their records. */
  readonly inlineLimit: number
  readonly namespace: () => KvsNamespace
  readonly key: (path: string) => string
}

/** Pauses between two looks at a file that others go on changing, in ms: twice as long each time. */
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 256

/**
 * Publishes a closed file of the producer-managed directory as it stands now, and resolves with its record once every consumer can see it. Where several writers put
 * files at one path, that may be the record of a newer file than the caller's: of the one that stood there when the record was stored.
 * ERR_DYAD_GONE if there is no such file, ERR_DYAD_PATH if it is no regular file below the directory, ERR_DYAD_PUBLISH if
 * the store fails, and the errors of KvsClient.put.
 */
export async function publish(file: ManagedFile, context: PublishContext, signal: AbortSignal): Promise<FileRecord> {
  let described = await describe(file, context)
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, 2 * pause)) {
    const record = await store(file, described.published, context, signal)
    // Another writer's record may have been stored before this one, though its file came later. The last to store looks last.
    const found = look(file)
    if (found === undefined || isSame(found, described.stat)) return record
    await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
    const next = await describe(file, context).catch((error) => {
      if (isDyadError(error, 'ERR_DYAD_GONE')) return undefined
      throw error
    })
    // A file that changed after this record was stored has a writer whose own record comes later.
    if (next === undefined || !isSame(next.stat, found)) return record
    described = next
  }
}

async function store(
  file: ManagedFile,
  published: PublishedFile,
  context: PublishContext,
  signal: AbortSignal,
): Promise<FileRecord> {
  try {
    const key = context.key(file.path)
    const value = encodeRecord(published)
    const generation = await context.namespace().put(key, value, { signal })
    const record: FileRecord = { ...published, generation }
    report('dyad.producer.published', { record })
    return record
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_PUBLISH', { path: file.path, node: context.node })
  }
}

/** What stands at the path now, as the one who opens it sees it: on shared storage that is not older than the last close on another host. Undefined if it cannot be opened. */
function look({ local }: ManagedFile): BigIntStats | undefined {
  let fd: number
  try {
    fd = openRegular(local)
  } catch {
    return undefined
  }
  try {
    return fstatSync(fd, { bigint: true })
  } finally {
    closeSync(fd)
  }
}

/** Whether it is the same file, with the same contents as far as its size and its time tell. */
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.dev === b.dev
}

/** A file as it stood when it was opened. */
interface Described {
  readonly published: PublishedFile
  readonly stat: BigIntStats
}

/**
 * Looks at the file through one descriptor, so that what is published is of one file and not of two. The calls are synchronous: they take a few microseconds,
 * and a tenth of what they would through the thread pool.
 */
async function describe(
  file: ManagedFile,
  { node, directory, fsync, inlineLimit }: PublishContext,
): Promise<Described> {
  const about = { path: file.path, node }
  const fd = openPublished(file, directory, about)
  try {
    if (fsync) {
      await syncFile(fd)
      await syncDirectory(dirname(file.local))
    }
    const stat = fstatSync(fd, { bigint: true })
    const inline = inlineLimit > 0 && stat.size <= inlineLimit ? readInline(fd, stat) : undefined
    const published = {
      path: file.path,
      owner: node,
      size: Number(stat.size),
      mtimeNs: stat.mtimeNs,
      mode: Number(stat.mode) & 0o777,
      storage: directory.real,
      ...(inline && { inline }),
    }
    return { published, stat }
  } finally {
    closeSync(fd)
  }
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

/** All bytes of the file, unless it changes while they are read: then consumers fetch it, and are told. */
function readInline(fd: number, stat: BigIntStats): Uint8Array | undefined {
  const bytes = Buffer.allocUnsafe(Number(stat.size))
  const length = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, 0)
  const after = fstatSync(fd, { bigint: true })
  return length === bytes.length && after.size === stat.size && after.mtimeNs === stat.mtimeNs ? bytes : undefined
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
