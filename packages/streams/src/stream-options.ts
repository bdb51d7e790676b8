import { withInherited } from '@dyad/core'

/**
 * The options of a stream with `own` in place of the caller's. As node:fs does, it takes an
 * encoding for them, ignores a function, reads options that an object inherits, and leaves anything
 * else to Node, which throws ERR_INVALID_ARG_TYPE.
 */
export function streamOptions(given: unknown, own: object): object {
  if (given === undefined || given === null || typeof given === 'function') return own
  if (typeof given === 'string') return { encoding: given, ...own }
  return typeof given === 'object' ? { ...withInherited(given), ...own } : (given as object)
}
