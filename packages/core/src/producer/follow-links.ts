import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DyadError } from '../errors.js'
import type { ManagedFile } from '../managed-directory.js'

/** As many links as Linux follows on one path. */
const MOST_LINKS = 40

/**
 * Where the symbolic link at a managed file leads, as open(2) follows it: to a file that may not be
 * there yet. ERR_DYAD_PATH where links lead to links without end, and the system's own errors.
 */
export function followLinks({ path, local }: ManagedFile): string {
  let at = local
  for (let links = 0; links <= MOST_LINKS; links++) {
    at = join(realpathSync.native(dirname(at)), basename(at))
    const next = linkAt(at)
    if (next === undefined) return at
    at = resolve(dirname(at), next)
  }
  throw new DyadError('ERR_DYAD_PATH', { path, detail: 'it leads from link to link' })
}

/** The text of the link that stands there, if it is one. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EINVAL' || code === 'ENOENT') return undefined
    throw error
  }
}
