import { isAbsolute } from 'node:path'
import { type DyadCore, DyadError } from '@dyad-ts/core'

/**
 * Throws ERR_DYAD_UNTRACKED for a path that is relative to a managed directory and names no file in
 * it: the directory is not set, or the path leads out of it. node:fs would open such a file below
 * the working directory, and it would silently be neither published nor waited for.
 */
export function assertUnmanaged(core: DyadCore, path: string | URL, side: 'producer' | 'consumer'): void {
  if (path instanceof URL || isAbsolute(path) || !core.config.relative) return
  const directory = core.config[`${side}Path`]
  const detail =
    directory === undefined ? `no ${side}-managed directory is set` : `it leads out of the directory ${directory}`
  throw new DyadError('ERR_DYAD_UNTRACKED', { path, detail })
}
