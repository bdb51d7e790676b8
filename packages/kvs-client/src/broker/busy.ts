import { DyadError } from '@dyad-ts/core'

/** Returns the error for a session that has too much under way. */
export function busy(what: string): DyadError {
  return new DyadError('ERR_DYAD_BUSY', { detail: `${what} on one connection` })
}
