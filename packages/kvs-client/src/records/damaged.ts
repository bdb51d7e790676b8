import { DyadError, isDyadError } from '@dyad-ts/core'

/** Returns the error for a directory of records that cannot be opened as it is. */
export function damaged(path: string, what: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_LOG', { path, detail: what, cause })
}

/**
 * Returns the error for an unusable directory of records: a DyadError stays as it is, and another
 * cause becomes ERR_DYAD_SYSTEM.
 */
export function unusable(directory: string, cause: unknown): DyadError {
  return isDyadError(cause) ? cause : new DyadError('ERR_DYAD_SYSTEM', { path: directory, cause })
}
