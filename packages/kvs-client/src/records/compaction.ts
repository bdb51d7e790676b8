import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Catalog } from './catalog.js'
import { LogBatch } from './log-batch.js'
import type { LogFiles } from './log-files.js'

/** Bytes written in one turn of the event loop. */
const SLICE_BYTES = 128 * 1024

/**
 * Writes everything that is in the catalog to a new base, a slice a turn; the log has been rotated
 * just before. What changes meanwhile is in the new log, which is replayed after the base. Rejects
 * with the signal's reason, or what the system says, and then leaves everything as it was.
 */
export async function compact(catalog: Catalog, files: LogFiles, signal: AbortSignal): Promise<void> {
  const base = files.beginBase()
  const batch = new LogBatch()
  const writeFull = async () => {
    if (batch.length <= SLICE_BYTES) return
    batch.goesOn()
    await write()
  }
  const write = async () => {
    base.append(batch.bytes)
    batch.clear()
    await nextTurn()
    signal.throwIfAborted()
  }
  try {
    batch.ceiling(catalog.highest)
    for (const epoch of catalog.epochs) batch.epoch(...epoch)
    for (const { id, name, nonce, memory } of catalog.entries.values()) {
      batch.create(id, name, nonce)
      await writeFull()
      for (const [key, packed] of memory.entries()) {
        batch.put(id, key, packed)
        await writeFull()
      }
    }
    // Once more, since records without the name of their namespace are of little use if a batch is
    // damaged.
    for (const { id, name, nonce } of catalog.entries.values()) {
      batch.create(id, name, nonce)
      await writeFull()
    }
    batch.ceiling(catalog.highest)
    await write()
  } catch (error) {
    base.discard()
    throw error
  }
  await base.close()
  signal.throwIfAborted()
  files.adoptBase(base.size)
}
