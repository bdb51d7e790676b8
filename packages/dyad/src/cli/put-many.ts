import { stat } from 'node:fs/promises'
import { type FileRecord, isDyadError } from '@dyad-ts/core'
import type { Dyad } from '../connect.js'
import type { Batch } from './batch.js'
import { hasContentOf } from './file-digest.js'
import { putFile } from './put-file.js'
import { type PlannedFile, type PlanOptions, planPut } from './put-plan.js'

/** Files that are put at once: each takes two descriptors, and a round trip to the store. */
const AT_ONCE = 16

/**
 * Puts many files and folders. It skips a file that this node has published already with the same
 * size and digest. The batch receives the result of each. Rejects with an error that concerns all
 * files, and with the signal's reason.
 */
export async function putMany(
  words: readonly string[],
  options: PlanOptions,
  session: Dyad,
  batch: Batch,
  signal: AbortSignal,
): Promise<void> {
  const files = await planPut(words, options, session, batch, signal)
  batch.progress.expect(files.length, sizeOf(files))
  const nameOf = ({ source }: PlannedFile) => source
  await batch.run(files, AT_ONCE, nameOf, (file, ending) => put(file, session, batch, ending), signal)
}

function sizeOf(files: readonly PlannedFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}

async function put(file: PlannedFile, session: Dyad, batch: Batch, signal: AbortSignal): Promise<void> {
  const { source, size, target, isInPlace } = file
  const progress = batch.progress.begin(size)
  try {
    const present = await presentRecord(file, session, signal)
    const record =
      present ??
      (isInPlace
        ? await session.produce(target.local, { signal })
        : await putFile(session, source, target.local, (done) => progress.moved(done), signal))
    const json = { ...record, source, status: present === undefined ? 'published' : 'present' }
    batch.add({ line: record.path, size: record.size, isPresent: present !== undefined, json })
  } finally {
    progress.end()
  }
}

/**
 * Returns the record at the target if this node has published it, if its file is unchanged, and if
 * the source has the same content.
 */
async function presentRecord(
  { source, target, isInPlace }: PlannedFile,
  session: Dyad,
  signal: AbortSignal,
): Promise<FileRecord | undefined> {
  const record = await session.lookup(target.path, { wait: false, signal }).catch((error: unknown) => {
    // A record that cannot be read is replaced.
    if (isDyadError(error, 'ERR_DYAD_METADATA')) return undefined
    throw error
  })
  if (record?.owner !== session.config.node || `${record.storage}/${record.path}` !== target.local) return undefined
  const standing = await stat(target.local, { bigint: true }).catch(() => undefined)
  const isUnchanged = standing?.isFile() && standing.size === BigInt(record.size) && standing.mtimeNs === record.mtimeNs
  if (!isUnchanged) return undefined
  // The record of a large file that another program wrote has no digest. Its size and its time are
  // its version.
  if (isInPlace && record.digest === undefined) return record
  return (await hasContentOf(source, record, signal)) ? record : undefined
}
