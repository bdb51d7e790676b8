import { DyadError, ERRORS, type ErrorCode, isDyadError } from '../errors.js'
import { visible } from '../visible.js'

/** Longest detail of an error that an owner sends, in characters. */
const MAX_DETAIL = 1024

/** Returns an error as a peer gets it, cut to the room of a frame. */
export function errorText(error: unknown): { code: string; detail: string } {
  // The shortage is the owner's, and may be over when the peer asks again.
  if (isDyadError(error, 'ERR_DYAD_DESCRIPTORS')) {
    return { code: 'ERR_DYAD_TRANSFER', detail: 'the owner has no free file descriptor' }
  }
  if (isDyadError(error)) return { code: error.code, detail: cut(error.detail ?? '') }
  return { code: 'ERR_DYAD_SYSTEM', detail: cut(String((error as Error)?.message ?? error)) }
}

/** Returns the error that an owner has sent. An unknown code breaks the protocol. */
export function errorOf(code: string, detail: string, path: string): DyadError {
  if (Object.hasOwn(ERRORS, code))
    return new DyadError(code as ErrorCode, { path, at: 'at the owner', detail: cut(detail) || undefined })
  return new DyadError('ERR_DYAD_PROTOCOL', {
    path,
    detail: `the owner answered with the unknown error ${cut(code.slice(0, 100))}`,
  })
}

/** A detail within bounds, without anything that a terminal would act on. */
function cut(detail: string): string {
  // Escape sequences are longer than the characters that they stand for.
  return visible(detail.slice(0, MAX_DETAIL)).slice(0, MAX_DETAIL)
}

/** The error for a peer that broke the protocol. */
export function broken(detail: string): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail })
}
