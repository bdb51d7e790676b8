import { DyadError } from '@dyad-ts/core'
import { Packr } from 'msgpackr'
import { checkBounds } from './bounds.js'

// Plain msgpack without msgpackr's extensions, so that a peer can be in any language.
const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false })

/**
 * Encodes a frame: null, booleans, numbers, bigints within 64 bits, strings, bytes, arrays and
 * plain objects.
 */
export function encode(frame: unknown): Buffer {
  return packr.pack(frame)
}

/**
 * Decodes a frame from a peer. Byte strings are views into `bytes`. ERR_DYAD_PROTOCOL unless the
 * frame is exactly one whole msgpack value whose declared lengths fit into it.
 * @param mostValues most values in the frame, keys of maps and nested values included.
 * @default 4096
 */
export function decode(bytes: Uint8Array, mostValues?: number): unknown {
  checkBounds(bytes, mostValues)
  try {
    return packr.unpack(bytes)
  } catch (cause) {
    throw new DyadError('ERR_DYAD_PROTOCOL', { detail: 'malformed frame', cause })
  }
}
