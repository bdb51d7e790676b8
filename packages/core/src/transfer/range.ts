import { DyadError } from '../errors.js'
import type { FetchRequest } from './contract.js'

/** The range of bytes that a request asks for. */
export interface Range {
  readonly start: number
  readonly end: number
  /** Whether it is the whole file. */
  readonly whole: boolean
}

/** Reads the range of a request. ERR_DYAD_REFUSED unless 0 ≤ start ≤ end ≤ size, all integers. */
export function rangeOf(request: FetchRequest): Range {
  const { path, size, start = 0, end = size } = request
  const valid = Number.isSafeInteger(size) && Number.isSafeInteger(start) && Number.isSafeInteger(end)
  if (!valid || start < 0 || start > end || end > size) {
    throw new DyadError('ERR_DYAD_REFUSED', { path, detail: `no range ${start} to ${end} in ${size} bytes` })
  }
  return { start, end, whole: start === 0 && end === size }
}
