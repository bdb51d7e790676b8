import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { report } from '../diagnostics.js'
import { DyadError, withContext } from '../errors.js'
import type { KvsNamespace } from '../kvs/contract.js'
import { encodeRecord, type FileRecord, type PublishedFile } from '../kvs/record.js'
import type { ManagedDirectory, ManagedFile } from '../managed-directory.js'

/** What publishing needs to know of its session. */
export interface PublishContext {
  readonly node: string
  readonly directory: ManagedDirectory
  readonly fsync: boolean
  readonly namespace: () => KvsNamespace
  readonly key: (path: string) => string
  readonly signal: AbortSignal
}

/**
 * Publishes a closed file of the producer-managed directory as it stands now, and resolves with its record once every consumer can see it.
 * ERR_DYAD_GONE if there is no such file, ERR_DYAD_PATH if it is no regular file below the directory, ERR_DYAD_PUBLISH if
 * the store fails, and the errors of KvsClient.put.
 */
export async function publish(file: ManagedFile, context: PublishContext): Promise<FileRecord> {
  const published = await describe(file, context)
  try {
    const key = context.key(file.path)
    const value = encodeRecord(published)
    const generation = await context.namespace().put(key, value, { signal: context.signal })
    const record: FileRecord = { ...published, generation }
    report('dyad.producer.published', { record })
    return record
  } catch (error) {
    context.signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_PUBLISH', { path: file.path, node: context.node })
  }
}

/** Looks at the file through one handle, so that what is published is of one file and not of two. */
async function describe(file: ManagedFile, { node, directory, fsync }: PublishContext): Promise<PublishedFile> {
  const about = { path: file.path, node }
  let handle: FileHandle
  try {
    const real = await realpath(file.local)
    if (!real.startsWith(directory.real === '/' ? '/' : `${directory.real}/`)) {
      throw new DyadError('ERR_DYAD_PATH', {
        ...about,
        detail: 'a symbolic link leads it out of the managed directory',
      })
    }
    // Opening a pipe would wait for its writer.
    handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (cause instanceof DyadError) throw cause
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new DyadError(missing ? 'ERR_DYAD_GONE' : 'ERR_DYAD_SYSTEM', { ...about, cause })
  }
  try {
    if (fsync) {
      await handle.sync()
      await syncDirectory(dirname(file.local))
    }
    const stat = await handle.stat({ bigint: true })
    if (!stat.isFile()) throw new DyadError('ERR_DYAD_PATH', { ...about, detail: 'not a regular file' })
    return {
      path: file.path,
      owner: node,
      size: Number(stat.size),
      mtimeNs: stat.mtimeNs,
      mode: Number(stat.mode) & 0o777,
      storage: directory.real,
    }
  } finally {
    await handle.close()
  }
}

/** A renamed file is on stable storage only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
