import { statSync } from 'node:fs'
import { DyadError } from '../errors.js'
import type { ManagedFile } from '../managed-directory.js'

/**
 * Throws ERR_DYAD_STORE if no file can come to stand at the file's place here: a directory stands
 * there, a file stands where a directory would have to, or the system refuses to look. Waiting for
 * such a file would end only with its transfer, and fail then.
 */
export function assertStandingRoom({ path, local }: ManagedFile): void {
  try {
    if (!statSync(local).isDirectory()) return
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new DyadError('ERR_DYAD_STORE', { path, cause })
  }
  const cause = Object.assign(new Error(`EISDIR: a directory stands at '${local}'`), { code: 'EISDIR' })
  throw new DyadError('ERR_DYAD_STORE', { path, cause })
}
