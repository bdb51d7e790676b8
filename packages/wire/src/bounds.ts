import { DyadError } from '@dyad-ts/core'

/** Deepest nesting of arrays and maps in a frame. */
const MAX_DEPTH = 8
/** Most values in a frame, unless the reader expects fewer. */
const MAX_VALUES = 4_096

/**
 * Checks one msgpack value before it is decoded, since decoders allocate by declared lengths.
 * Throws ERR_DYAD_PROTOCOL unless every declared length fits into `bytes`, the value ends where
 * `bytes` ends, nests at most eight deep, has no extension types, and has at most `mostValues`
 * values, keys of maps and nested values included.
 */
export function checkBounds(bytes: Uint8Array, mostValues = MAX_VALUES): void {
  valuesLeft = mostValues
  const end = walk(bytes, 0, 0)
  if (end !== bytes.length) throw malformed('bytes after the frame')
}

/** Values that the frame under check may still have. */
let valuesLeft = 0

function walk(bytes: Uint8Array, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw malformed('nested too deep')
  if (--valuesLeft < 0) throw malformed('more values than there may be')
  const type = bytes[at]
  if (type === undefined) throw malformed('ends early')
  const next = at + 1
  if (type <= 0x7f || type >= 0xe0) return next
  if (type <= 0x8f) return items(bytes, next, (type & 0x0f) * 2, depth)
  if (type <= 0x9f) return items(bytes, next, type & 0x0f, depth)
  if (type <= 0xbf) return skip(bytes, next, type & 0x1f)
  switch (type) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return next
    case 0xc4:
    case 0xd9:
      return skip(bytes, next + 1, uint(bytes, next, 1))
    case 0xc5:
    case 0xda:
      return skip(bytes, next + 2, uint(bytes, next, 2))
    case 0xc6:
    case 0xdb:
      return skip(bytes, next + 4, uint(bytes, next, 4))
    case 0xcc:
    case 0xd0:
      return skip(bytes, next, 1)
    case 0xcd:
    case 0xd1:
      return skip(bytes, next, 2)
    case 0xca:
    case 0xce:
    case 0xd2:
      return skip(bytes, next, 4)
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return skip(bytes, next, 8)
    case 0xdc:
      return items(bytes, next + 2, uint(bytes, next, 2), depth)
    case 0xdd:
      return items(bytes, next + 4, uint(bytes, next, 4), depth)
    case 0xde:
      return items(bytes, next + 2, uint(bytes, next, 2) * 2, depth)
    case 0xdf:
      return items(bytes, next + 4, uint(bytes, next, 4) * 2, depth)
    default:
      throw malformed(`type 0x${type.toString(16)} is not used`)
  }
}

/** Refuses a count above the bytes that are left, since every item takes at least one byte. */
function items(bytes: Uint8Array, at: number, count: number, depth: number): number {
  if (count > bytes.length - at) throw malformed('declares more items than it has bytes')
  let next = at
  for (let i = 0; i < count; i++) next = walk(bytes, next, depth + 1)
  return next
}

function skip(bytes: Uint8Array, at: number, length: number): number {
  if (length > bytes.length - at) throw malformed('declares more bytes than it has')
  return at + length
}

function uint(bytes: Uint8Array, at: number, width: number): number {
  if (at + width > bytes.length) throw malformed('ends early')
  let value = 0
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] as number)
  return value
}

function malformed(detail: string): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail: `malformed frame: ${detail}` })
}
