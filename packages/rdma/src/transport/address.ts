import { isIP } from 'node:net'
import type { TransportAddress } from '@dyad-ts/core'

const VERSION = 1
const MAX_ADDRESS_LENGTH = 16 * 1024
/** Most addresses of one server that are read. */
const MAX_ENDS = 32

/** An address at which a server can be reached. */
export interface End {
  /** IPv4 or IPv6 address. */
  readonly host: string
  readonly port: number
}

export function writeAddress(ends: readonly End[]): TransportAddress {
  return JSON.stringify({ v: VERSION, ends: ends.slice(0, MAX_ENDS).map(({ host, port }) => ({ host, port })) })
}

/** Returns the ends of a server, or undefined for anything else than an address of this version. */
export function readAddress(text: TransportAddress): readonly End[] | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const { v, ends } = JSON.parse(text) as Record<string, unknown>
    if (v !== VERSION || !Array.isArray(ends) || ends.length === 0 || ends.length > MAX_ENDS) return undefined
    return ends.every(isEnd) ? ends : undefined
  } catch {
    return undefined
  }
}

function isEnd(value: unknown): value is End {
  if (typeof value !== 'object' || value === null) return false
  const { host, port } = value as Record<string, unknown>
  return (
    typeof host === 'string' && isIP(host) !== 0 && Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536
  )
}

/** Returns the audience of a handshake at `end`, as both sides know it. */
export function audienceOf({ host, port }: End): string {
  return `rdma ${host} ${port}`
}
