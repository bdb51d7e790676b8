import { DyadError, MAX_KEY_BYTES, MAX_VALUE_BYTES } from '@dyad-ts/core'

/**
 * Throws ERR_DYAD_KEY unless `key` is a valid key: not empty, well-formed Unicode, not too long.
 */
export function checkKey(key: string): void {
  if (key === '') throw new DyadError('ERR_DYAD_KEY', { detail: 'the key is empty' })
  checkPrefix(key)
}

/** Throws ERR_DYAD_KEY unless `prefix` can begin a key, or is empty. */
export function checkPrefix(prefix: string): void {
  if (typeof prefix !== 'string') throw new DyadError('ERR_DYAD_KEY', { detail: 'the key is not a string' })
  if (!prefix.isWellFormed()) throw new DyadError('ERR_DYAD_KEY', { detail: 'the key is not well-formed Unicode' })
  // No character takes more than three bytes, so most keys need no count.
  if (prefix.length * 3 <= MAX_KEY_BYTES) return
  const length = Buffer.byteLength(prefix)
  if (length > MAX_KEY_BYTES) throw new DyadError('ERR_DYAD_KEY', { detail: `the key has ${length} bytes` })
}

/** Throws ERR_DYAD_KEY unless `value` is bytes within the limit. */
export function checkValue(value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw new DyadError('ERR_DYAD_KEY', { detail: 'the value is not bytes' })
  if (value.length > MAX_VALUE_BYTES) {
    throw new DyadError('ERR_DYAD_KEY', { detail: `the value has ${value.length} bytes` })
  }
}
