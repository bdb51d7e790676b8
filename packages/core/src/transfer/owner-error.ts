import { DyadError, ERRORS, type ErrorCode, isDyadError } from '../errors.js'

/** Longest detail that an owner tells of, in characters. */
const MAX_DETAIL = 1024

/** What a peer is told of an error, cut to what a frame may hold. */
export function errorText(error: unknown): { code: string; detail: string } {
  if (isDyadError(error)) return { code: error.code, detail: (error.detail ?? '').slice(0, MAX_DETAIL) }
  return { code: 'ERR_DYAD_SYSTEM', detail: String((error as Error)?.message ?? error).slice(0, MAX_DETAIL) }
}

/** The error that an owner told of; a code that is not ours is a breach of the protocol. */
export function errorOf(code: string, detail: string, path: string): DyadError {
  if (Object.hasOwn(ERRORS, code)) return new DyadError(code as ErrorCode, { path, detail: detail || undefined })
  return new DyadError('ERR_DYAD_PROTOCOL', { path, detail: `the owner answers with ${code.slice(0, 100)}` })
}

/** The error for a peer that broke the protocol. */
export function broken(detail: string): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail })
}
