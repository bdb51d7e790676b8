import { withInherited } from '@dyad-ts/core/internal'

/**
 * Returns the options of a stream that opens its path by `fs`. As node:fs does, it accepts an
 * encoding in their place, ignores a function, and reads inherited options. It leaves anything else
 * to Node, which throws ERR_INVALID_ARG_TYPE.
 */
export function streamOptions(given: unknown, fs: object): object {
  if (given === undefined || given === null || typeof given === 'function') return { fd: undefined, fs }
  if (typeof given === 'string') return { encoding: given, fd: undefined, fs }
  return typeof given === 'object' ? { ...withInherited(given), fd: undefined, fs } : (given as object)
}
