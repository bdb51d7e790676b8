import type { TransportAddress } from '@dyad/core'

const VERSION = 1
const MAX_ADDRESS_LENGTH = 16 * 1024

export function writeAddress(url: string): TransportAddress {
  return JSON.stringify({ v: VERSION, url })
}

/** URL of the server, or undefined if it is no address of this version. */
export function readAddress(text: TransportAddress): string | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const { v, url } = JSON.parse(text) as Record<string, unknown>
    if (v !== VERSION || typeof url !== 'string') return undefined
    const { protocol } = new URL(url)
    return protocol === 'ws:' || protocol === 'wss:' ? url : undefined
  } catch {
    return undefined
  }
}
