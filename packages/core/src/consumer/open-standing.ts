import { type BigIntStats, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { descriptorPath } from '../files/descriptor-path.js'
import { openRegularIf, READ_REGULAR } from '../files/open-regular.js'
import type { StoringParents } from '../files/storing-parents.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import type { HeldFiles } from './held.js'

/**
 * Opens the file that stands at its place. Returns undefined unless it has the published size:
 * another process has put another version there, and a reader would get a part of a longer one.
 * Fails as open(2) does, and with ERR_DYAD_PATH for anything but a regular file.
 */
export function openStanding(local: string, size: number): number | undefined {
  return openRegularIf(local, (looks) => looks.size === BigInt(size))
}

/** Opens the record's file if this process put it there and nothing was done to it since. */
export function openRemembered(
  file: ManagedFile,
  record: FileRecord,
  held: HeldFiles,
  parents: StoringParents,
): number | undefined {
  if (!held.remembers(file, record)) return undefined
  return openIf(file.local, parents.isOwn(dirname(file.local)), (looks) => held.isRemembered(file, record, looks))
}

/**
 * Opens the very file that was stored as `fd`, whatever takes its name, where descriptors have
 * paths.
 */
export function openStored(local: string, fd: number, stored: BigIntStats, parents: StoringParents): number {
  const isStored = ({ dev, ino }: BigIntStats) => ino === stored.ino && dev === stored.dev
  // By its name it takes half of the time.
  const found = parents.isOwn(dirname(local)) ? openIf(local, true, isStored) : undefined
  return found ?? openSync(descriptorPath(fd), READ_REGULAR)
}

function openIf(local: string, isOwn: boolean, fits: (looks: BigIntStats) => boolean): number | undefined {
  try {
    return openRegularIf(local, fits, isOwn)
  } catch {
    // It is gone, or something else by now: then the caller goes another way, or fails there.
    return undefined
  }
}
