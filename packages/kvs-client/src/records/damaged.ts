import { DyadError } from '@dyad/core'

/** The error of a directory of records that cannot be opened as it is. */
export function damaged(path: string, what: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_LOG', { path, detail: what, cause })
}
