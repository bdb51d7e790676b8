import { DyadError, ERRORS, type ErrorCode, isDyadError } from '../errors.js'
import { visible } from '../visible.js'

/** Longest detail that an owner tells of, in characters. */
const MAX_DETAIL = 1024

/** What a peer is told of an error, cut to what a frame may hold. */
export function errorText(error: unknown): { code: string; detail: string } {
  // It is the owner's to wait for, and the peer may well find it over when it asks again.
  if (isDyadError(error, 'ERR_DYAD_DESCRIPTORS')) {
    return { code: 'ERR_DYAD_TRANSFER', detail: 'the owner has no free file descriptor' }
  }
  if (isDyadError(error)) return { code: error.code, detail: cut(error.detail ?? '') }
  return { code: 'ERR_DYAD_SYSTEM', detail: cut(String((error as Error)?.message ?? error)) }
}

/** The error that an owner told of; a code that is not ours is a breach of the protocol. */
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
