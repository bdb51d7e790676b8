import type { TransportAddress } from '@dyad-ts/core'

/** The address of a local server. Consumers believe nothing in it but the name of a marker. */
export interface LocalAddress {
  readonly host: string
  /** Name of the file with which the server proves which directories are its own; see marker.ts. */
  readonly marker: string
}

const VERSION = 2
const MAX_ADDRESS_LENGTH = 1024

export function writeAddress({ host, marker }: LocalAddress): TransportAddress {
  return JSON.stringify({ v: VERSION, host, marker })
}

/** Returns the address, or undefined for anything else than one of this version. */
export function readAddress(text: TransportAddress): LocalAddress | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const { v, host, marker } = JSON.parse(text) as Record<string, unknown>
    if (v !== VERSION || typeof host !== 'string' || typeof marker !== 'string') return undefined
    return /^[0-9a-f]{32}$/.test(marker) ? { host, marker } : undefined
  } catch {
    return undefined
  }
}
