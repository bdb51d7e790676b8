import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Catalog } from './catalog.js'
import { LogBatch } from './log-batch.js'
import type { LogFiles } from './log-files.js'

/** Bytes written in one turn of the event loop. */
const SLICE_BYTES = 128 * 1024

/**
 * Writes the catalog to a new base, a slice a turn, right after a rotation of the log. Changes
 * meanwhile are in the new log, which a start replays after the base. Rejects with the signal's
 * reason or the system's error, and then leaves everything as it was.
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
    // Repeated: if a batch is damaged, records without their namespace's name are of little use.
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
