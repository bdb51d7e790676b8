import { closeSync, fstatSync, opendirSync, statSync } from 'node:fs'
import { DyadError } from '../errors.js'
import { directoriesTo } from '../files/directories-to.js'
import { openRegular } from '../files/open-regular.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import type { Patience } from '../transfer/patience.js'

/** The attributes that tell the published file from another one. */
type Looks = Pick<ReturnType<typeof lookAt>, 'size' | 'mtimeNs'> & { isFile(): boolean }

/**
 * Checks that the published file itself, which stands here, is still the one that was published.
 * ERR_DYAD_GONE, ERR_DYAD_CHANGED, ERR_DYAD_SYSTEM.
 */
export function assertUnchanged(file: ManagedFile, record: FileRecord): void {
  assertLooks(file, record, lookAt)
}

/**
 * Whether the published file, which should stand here, comes in sight while `patience` lasts:
 * storage that hosts share may show it later than the store shows its record. No event reports
 * changes by another host, so this looks again and again, less and less often. Rejects with the
 * signal's reason.
 */
export async function comesInSight(
  root: string,
  file: ManagedFile,
  record: FileRecord,
  patience: Patience,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    signal.throwIfAborted()
    try {
      assertLooks(file, record, (path) => lookPastCaches(root, path))
      return true
    } catch {
      const pause = patience.nextDelay()
      if (pause === undefined) return false
      await patience.pause(pause, signal)
    }
  }
}

function assertLooks(file: ManagedFile, record: FileRecord, look: (path: string) => Looks): void {
  const about = { path: file.path, node: record.owner }
  let found: Looks
  try {
    found = look(file.local)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'ERR_DYAD_GONE' : 'ERR_DYAD_SYSTEM'
    throw new DyadError(code, { ...about, detail: `it is not at ${file.local}`, cause })
  }
  if (found.isFile() && found.size === BigInt(record.size) && found.mtimeNs === record.mtimeNs) return
  const differs = found.size === BigInt(record.size) ? 'another modification time' : `${found.size} bytes`
  const detail = `${file.local} has ${differs}, ${record.size} bytes were published`
  throw new DyadError('ERR_DYAD_CHANGED', { ...about, detail })
}

function lookAt(path: string) {
  return statSync(path, { bigint: true })
}

/**
 * As stat(2), but a network file system asks its server: when a file is opened, for its attributes,
 * and when a directory is read, for names that were missing.
 */
function lookPastCaches(root: string, path: string): Looks {
  for (const directory of directoriesTo(path, root)) {
    try {
      const opened = opendirSync(directory)
      opened.readSync()
      opened.closeSync()
    } catch {
      // Opening the file fails with the reason.
    }
  }
  const fd = openRegular(path, root)
  try {
    return fstatSync(fd, { bigint: true })
  } finally {
    closeSync(fd)
  }
}
