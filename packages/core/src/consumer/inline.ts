import { readFileSync, type Stats, statSync } from 'node:fs'
import { report } from '../diagnostics.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import { IncomingFile, type StoringPlace } from './incoming-file.js'

/**
 * Sees to it that the bytes that came with a record stand at its place, if that takes no lock: either they stand there already, so that there is nothing to note of them, or
 * nothing does, so that no other process can have put a newer file there. It takes less time than a thread would to begin with it. ERR_DYAD_STORE.
 */
export function placeInline(
  { local }: ManagedFile,
  record: FileRecord,
  bytes: Uint8Array,
  place: StoringPlace,
): 'stands' | 'stored' | undefined {
  const begun = performance.now()
  const found = statSync(local, { throwIfNoEntry: false })
  if (found !== undefined) return isOf(found, local, record.mode, bytes) ? 'stands' : undefined
  using incoming = IncomingFile.beside(local, place, record, () => {})
  incoming.fill(bytes)
  if (!incoming.placeIfAbsent()) return undefined
  report('dyad.consumer.stored', { record, local, moved: 0, duration: performance.now() - begun })
  return 'stored'
}

function isOf(found: Stats, local: string, mode: number, bytes: Uint8Array): boolean {
  try {
    return (
      found.isFile() &&
      found.size === bytes.length &&
      (found.mode & 0o777) === mode &&
      readFileSync(local).equals(bytes)
    )
  } catch {
    // It is gone, or not to be read: then it is put there anew.
    return false
  }
}
