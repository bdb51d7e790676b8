import type { FileRecord } from '../kvs/record.js'
import type { Temporaries } from '../temporaries.js'
import { type PullContext, pull } from '../transfer/pull.js'
import type { OnArrival } from './arrival.js'
import { IncomingFile } from './incoming-file.js'

/**
 * Brings the record's file to `target`: its bytes arrive in a temporary file beside it, and a rename puts them in place once they are whole. Tells how many
 * bytes moved: none if the owner's file is `target` itself. What stands there is replaced once `mayReplace` has resolved. Whatever goes wrong leaves `target` as it was and nothing beside it. ERR_DYAD_STORE, and the
 * errors of pull.
 */
export async function store(
  record: FileRecord,
  target: string,
  temporaries: Temporaries,
  context: PullContext,
  signal: AbortSignal,
  onArrival: OnArrival,
  mayReplace: () => Promise<void>,
): Promise<number> {
  await using incoming = IncomingFile.beside(target, temporaries, record, onArrival)
  const moved =
    record.inline === undefined ? await pull(record, incoming, context, signal) : incoming.fill(record.inline)
  signal.throwIfAborted()
  await incoming.putInPlace(mayReplace)
  return moved
}
