import { report } from '../diagnostics.js'
import { DyadError, withContext } from '../errors.js'
import type { KvsClient, KvsEntry, KvsNamespace } from '../kvs/contract.js'
import { decodeRecord } from '../kvs/record.js'
import { isShared, withdrawCopies } from '../transfer/copies.js'

/** The part of a session that removing a record uses. */
export interface RemoveContext {
  readonly kvs: KvsClient
  readonly namespace: () => KvsNamespace
  readonly key: (path: string) => string
}

/**
 * Removes the record of a managed path, also one that cannot be read, and withdraws what other
 * nodes offer of the file; no file is touched. ERR_DYAD_NOT_FOUND, and the errors of
 * KvsNamespace.delete.
 */
export async function remove(path: string, context: RemoveContext, signal: AbortSignal): Promise<void> {
  const key = context.key(path)
  try {
    const namespace = context.namespace()
    const entry = await namespace.get(key, { signal })
    if (entry === undefined) throw new DyadError('ERR_DYAD_NOT_FOUND', { path })
    // That finds none where a call was repeated over a new connection.
    await namespace.delete(key, { signal })
    if (mayHaveCopies(entry, path)) {
      const generation = { generation: entry.revision, epoch: entry.epoch }
      await withdrawCopies(context.kvs, namespace.name, path, generation, signal)
    }
    report('dyad.producer.removed', { path })
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_KVS_UNREACHABLE', { path })
  }
}

/** A record that cannot be read says nothing of copies. */
function mayHaveCopies(entry: KvsEntry, path: string): boolean {
  try {
    return isShared(decodeRecord(entry, path))
  } catch {
    return true
  }
}
