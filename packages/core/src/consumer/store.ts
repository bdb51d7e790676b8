import type { BigIntStats } from 'node:fs'
import type { FileRecord } from '../kvs/record.js'
import type { Copies } from '../transfer/copies.js'
import { type PullContext, pull } from '../transfer/pull.js'
import type { OnArrival } from './arrival.js'
import { IncomingFile, type Replacing, type StoringPlace } from './incoming-file.js'

/** The part of a session that storing a file uses. */
export interface StoreContext extends PullContext, StoringPlace {
  /** Other nodes to fetch from, and to offer to; undefined where they are left alone. */
  readonly copies: Copies | undefined
}

/**
 * Brings the record's file to `target`: its bytes arrive in a temporary file beside it, and a
 * rename puts them in place once they are whole. Resolves with the number of bytes that moved, none
 * if the owner's file is `target` itself, and the attributes of the stored file. It replaces a file
 * there only as `replacing` permits. Whatever goes wrong leaves `target` as it was and nothing
 * beside it. ERR_DYAD_STORE, and the errors of pull.
 */
export async function store(
  record: FileRecord,
  target: string,
  context: StoreContext,
  signal: AbortSignal,
  onArrival: OnArrival,
  replacing: Replacing,
): Promise<{ moved: number; stats: BigIntStats | undefined }> {
  const { copies } = context
  await using incoming = IncomingFile.beside(target, context, record, onArrival)
  if (record.inline !== undefined) incoming.fill(record.inline)
  await using wanted = record.inline === undefined ? await copies?.want(record, signal) : undefined
  const moved = record.inline === undefined ? await pull(record, incoming, context, signal, wanted) : 0
  signal.throwIfAborted()
  await incoming.putInPlace(replacing)
  const stats = incoming.stats()
  if (wanted !== undefined) copies?.offer(wanted, target)
  return { moved, stats }
}
