import type { TransportAddress } from '@dyad/core'

const VERSION = 1
const MAX_ADDRESS_LENGTH = 16 * 1024

/** The address of a server that listens at `url`. */
export function writeAddress(url: string): TransportAddress {
  return JSON.stringify({ v: VERSION, url })
}

/** URL of the server, or undefined if it is no address of this version with one of these protocols (`ws:`, …). */
export function readAddress(text: TransportAddress, protocols: readonly string[]): string | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const { v, url } = JSON.parse(text) as Record<string, unknown>
    if (v !== VERSION || typeof url !== 'string') return undefined
    return protocols.includes(new URL(url).protocol) ? url : undefined
  } catch {
    return undefined
  }
}
