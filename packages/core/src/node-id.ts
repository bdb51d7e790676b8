/** Longest id of a node, in UTF-8 bytes. */
const MAX_NODE_BYTES = 255

/** The reason why `id` cannot be the id of a node; undefined if it can. */
export function nodeIdFault(id: string): string | undefined {
  if (id === '' || Buffer.byteLength(id) > MAX_NODE_BYTES || /\p{Cc}/u.test(id) || !id.isWellFormed()) {
    return `not 1 to ${MAX_NODE_BYTES} bytes without control characters`
  }
  return undefined
}
