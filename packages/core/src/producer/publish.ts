import { type BigIntStats, closeSync, fstatSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { report } from '../diagnostics.js'
import { isDyadError, withContext } from '../errors.js'
import { isShortage, withDescriptors } from '../files/descriptors.js'
import { openRegular } from '../files/open-regular.js'
import type { KvsNamespace } from '../kvs/contract.js'
import { encodeRecord, type FileRecord, type PublishedFile } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import { type DescribeContext, describe, isSame, type WrittenFile } from './describe.js'

/** The part of a session that publishing uses. */
export interface PublishContext extends DescribeContext {
  readonly sharedStorage: boolean
  readonly namespace: () => KvsNamespace
  readonly key: (path: string) => string
}

/** What the caller of a publish knows. */
export interface Publishing {
  /** What it knows of the bytes that it wrote there. @default nothing */
  readonly written?: WrittenFile | undefined
  /** Whether it put them in place just now. @default false */
  readonly isFresh?: boolean | undefined
  /**
   * Whether no other publish of the path follows, which would store what stands there by then.
   * @default it is the last
   */
  readonly isLast?: (() => boolean) | undefined
}

/**
 * Pauses between two looks at a file that others go on changing, in ms: twice as long each time.
 */
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 256

/**
 * Publishes a closed file of the producer-managed directory as it stands now, and resolves with its
 * record once every consumer can see it. Where several writers put files at one path, that may be
 * the record of a newer file than the caller's: of the one that stood there when the record was
 * stored. ERR_DYAD_GONE if there is no such file, ERR_DYAD_PATH if it is no regular file below the
 * directory, ERR_DYAD_PUBLISH if the store fails, and the errors of KvsClient.put.
 */
export async function publish(
  file: ManagedFile,
  context: PublishContext,
  signal: AbortSignal,
  { written, isFresh = false, isLast = () => true }: Publishing = {},
): Promise<FileRecord> {
  const now = async () => describe(file, context, written, signal)
  const first = withDescriptors(() => describe(file, context, written, signal, isFresh), signal)
  let described = first instanceof Promise ? await first : first
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, 2 * pause)) {
    const record = await store(file, described.published, context, signal)
    if (!isLast()) return record
    // Another writer's record may have been stored before this one, though its file came later. The
    // last to store looks last.
    const looked = withDescriptors(() => look(file, context.sharedStorage), signal)
    const found = looked instanceof Promise ? await looked : looked
    if (found === undefined || isSame(found, described.looks)) return record
    await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
    const next = await withDescriptors(now, signal).catch((error) => {
      // The file that took its place cannot be published.
      if (isDyadError(error, 'ERR_DYAD_GONE') || isDyadError(error, 'ERR_DYAD_PATH')) return undefined
      throw error
    })
    // A file that changed after this record was stored has a writer whose own record comes later.
    if (next === undefined || !isSame(next.looks, found)) return record
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
    const { revision: generation, epoch } = await context.namespace().put(key, value, { signal })
    const record: FileRecord = { ...published, generation, ...(epoch !== undefined && { epoch }) }
    report('dyad.producer.published', { record })
    return record
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_PUBLISH', { path: file.path, node: context.node })
  }
}

/**
 * The attributes of the file at the path now; undefined if the system does not say. On shared
 * storage the file is opened, which looks past what this host remembers of it.
 */
function look({ local }: ManagedFile, onSharedStorage: boolean): BigIntStats | undefined {
  try {
    if (!onSharedStorage) return statSync(local, { bigint: true })
    const fd = openRegular(local)
    try {
      return fstatSync(fd, { bigint: true })
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (isShortage(error)) throw error
    return undefined
  }
}
