import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { FileRecord } from '@dyad-ts/core'
import { RunningDigest } from '@dyad-ts/core/internal'

/** How much is read at once, in bytes. */
const CHUNK_BYTES = 1024 * 1024

/**
 * Returns true if a regular file has the size and the digest of a record; false, too, if the record
 * has no digest that this version computes, or if the file cannot be read.
 */
export async function hasContentOf(file: string, { size, digest }: FileRecord, signal: AbortSignal): Promise<boolean> {
  const running = new RunningDigest()
  if (digest === undefined || digest.algorithm !== running.digest.algorithm) return false
  try {
    const found = await stat(file)
    if (!found.isFile() || found.size !== size) return false
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES, signal })) running.pass(chunk)
    return running.length === size && running.digest.value === digest.value
  } catch {
    signal.throwIfAborted()
    return false
  }
}
