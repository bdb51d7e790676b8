import { closeSync, readSync, type Stats, statSync } from 'node:fs'
import { report } from '../diagnostics.js'
import { verifiable } from '../files/digest.js'
import { openRegular } from '../files/open-regular.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import type { HeldFiles } from './held.js'
import { IncomingFile, type StoringPlace } from './incoming-file.js'

/** Where what came with a record is placed. */
export interface InlinePlace extends StoringPlace {
  readonly held: HeldFiles
}

/**
 * Sees to it that the bytes that came with a record stand at its place, if that takes no lock: either they stand there already, so that there is nothing to note of them, or
 * nothing does, so that no other process can have put a newer file there. It takes less time than a thread would to begin with it. ERR_DYAD_STORE.
 */
export function placeInline(
  file: ManagedFile,
  record: FileRecord,
  bytes: Uint8Array,
  place: InlinePlace,
): 'stands' | 'stored' | undefined {
  const begun = performance.now()
  const { local } = file
  const found = statSync(local, { throwIfNoEntry: false })
  if (found !== undefined) return isOf(found, local, record.mode, bytes) ? 'stands' : undefined
  using incoming = IncomingFile.beside(local, place, record, () => {})
  incoming.fill(bytes)
  if (!incoming.placeIfAbsent()) return undefined
  // Where the umask took some of its permissions, it does not look like the published file.
  if (!incoming.hasPublishedMode) place.held.add(file, record, incoming.stats())
  report('dyad.consumer.stored', { record, local, moved: 0, duration: performance.now() - begun })
  return 'stored'
}

/** The record without the bytes that came with it, if they are not those of its digest: then its owner is asked for them. */
export function intact(record: FileRecord): FileRecord {
  const { inline, digest, ...rest } = record
  const verifier = inline && verifiable(digest)
  if (inline === undefined || digest === undefined || verifier === undefined) return record
  verifier.pass(inline)
  return verifier.fits(digest) ? record : { ...rest, digest }
}

function isOf(found: Stats, local: string, mode: number, bytes: Uint8Array): boolean {
  try {
    return found.isFile() && found.size === bytes.length && (found.mode & 0o777) === mode && holds(local, bytes)
  } catch {
    // It is gone, or not to be read: then it is put there anew.
    return false
  }
}

/** Whether a regular file has these bytes and no more. */
function holds(local: string, bytes: Uint8Array): boolean {
  const fd = openRegular(local)
  try {
    const found = Buffer.allocUnsafe(bytes.length + 1)
    const length = readSync(fd, found, 0, found.length, 0)
    return found.subarray(0, length).equals(bytes)
  } finally {
    closeSync(fd)
  }
}
