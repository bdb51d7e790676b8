import { type BigIntStats, closeSync, fchmodSync, fstatSync, linkSync, readSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { report } from '../diagnostics.js'
import { descriptorClosed } from '../files/descriptors.js'
import { verifiable } from '../files/digest.js'
import { lacksLinks } from '../files/lacks-links.js'
import { openRegular } from '../files/open-regular.js'
import { within } from '../files/storing-parents.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import type { HeldFiles } from './held.js'
import { orStoreError, type StoringPlace, WRITABLE } from './incoming-file.js'

/** Where what came with a record is placed. */
export interface InlinePlace extends StoringPlace {
  readonly held: HeldFiles
  /**
   * Present for a file that is stored before it is asked for, so that this process asks for it
   * later.
   */
  readonly giveWay?: unknown
}

/** Called with a descriptor of a file that is stored now, which is closed when it returns. */
export type OnStored = (fd: number, looks: BigIntStats) => void

/**
 * Sees to it that the bytes that came with a record stand at its place, if that takes no lock:
 * either they stand there already, or nothing does, so that no other process can have put a newer
 * file there. It takes less time than a thread would to begin with it. ERR_DYAD_STORE.
 * @param bytes those of the record, which fit its digest
 */
export function placeInline(
  file: ManagedFile,
  record: FileRecord,
  bytes: Uint8Array,
  place: InlinePlace,
  onStored?: OnStored,
): 'stands' | 'stored' | undefined {
  const begun = performance.now()
  const { local } = file
  const { held } = place
  const found = orStoreError(local, () => statSync(local, { bigint: true, throwIfNoEntry: false }))
  if (found !== undefined) {
    return held.isRemembered(file, record, found) || isOf(found, local, record.mode, bytes) ? 'stands' : undefined
  }
  const stored = orStoreError(local, () => storeNew(local, record.mode, bytes, place, onStored))
  if (stored === undefined) return undefined
  // Where the umask took some of its permissions, it does not look like the published file.
  if ((Number(stored.mode) & 0o7777) !== record.mode) held.add(file, record, stored)
  else if (place.giveWay !== undefined) held.remember(file, record, stored)
  report('dyad.consumer.stored', { record, local, moved: 0, duration: performance.now() - begun })
  return 'stored'
}

/**
 * Puts a file with these bytes where nothing stands and returns what it looks like, or returns
 * undefined if something does, or if the file system has no links.
 */
function storeNew(
  target: string,
  mode: number,
  bytes: Uint8Array,
  place: StoringPlace,
  onStored: OnStored | undefined,
): BigIntStats | undefined {
  const { temporaries, parents, pace } = place
  const parent = parents.enter(dirname(target))
  try {
    for (let isLocked = false; ; isLocked = true) {
      const { path, fd } = temporaries[isLocked ? 'create' : 'createUnlocked'](target, mode | WRITABLE, parent)
      try {
        for (let at = 0; at < bytes.length; ) {
          at += pace.time(() => writeSync(fd, bytes, at, bytes.length - at, at))
        }
        if (!(mode & WRITABLE)) fchmodSync(fd, fstatSync(fd).mode & mode)
        // Unlike a rename, a link fails where somebody else was faster.
        linkSync(path, within(parent, target))
        temporaries.remove(path)
        const looks = fstatSync(fd, { bigint: true })
        onStored?.(fd, looks)
        return looks
      } catch (error) {
        temporaries.remove(path)
        const { code } = error as NodeJS.ErrnoException
        if (code === 'EEXIST' || lacksLinks(error)) return undefined
        // Without a lock, a sweep may have removed it.
        if (code !== 'ENOENT' || isLocked) throw error
      } finally {
        closeSync(fd)
        descriptorClosed()
      }
    }
  } finally {
    parent[Symbol.dispose]()
  }
}

/**
 * The record without the bytes that came with it, if they are not those of its digest: then its
 * owner is asked for them.
 */
export function intact(record: FileRecord): FileRecord {
  const { inline, digest, ...rest } = record
  const verifier = inline && verifiable(digest)
  if (inline === undefined || digest === undefined || verifier === undefined) return record
  verifier.pass(inline)
  return verifier.fits(digest) ? record : { ...rest, digest }
}

function isOf(found: BigIntStats, local: string, mode: number, bytes: Uint8Array): boolean {
  try {
    const isAlike = found.size === BigInt(bytes.length) && (Number(found.mode) & 0o777) === mode
    return found.isFile() && isAlike && holds(local, bytes)
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
