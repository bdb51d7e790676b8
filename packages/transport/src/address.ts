import type { TransportAddress } from '@dyad-ts/core'
import { isLoopbackHost, loopbackNetwork } from '@dyad-ts/core/internal'

const VERSION = 1
const MAX_ADDRESS_LENGTH = 16 * 1024

interface Address {
  readonly url: string
  /** Names the network in which a server at loopback can be reached. */
  readonly network: unknown
}

/** Returns the address of a server that listens at `url`. */
export function writeAddress(url: string): TransportAddress {
  const network = isLoopbackHost(new URL(url).hostname) ? loopbackNetwork() : undefined
  return JSON.stringify({ v: VERSION, url, network })
}

/**
 * Returns the URL of the server, or undefined for anything else than an address of this version
 * with one of these protocols (`ws:`, …).
 */
export function readAddress(text: TransportAddress, protocols: readonly string[]): string | undefined {
  return parse(text, protocols)?.url
}

/**
 * Returns why this process cannot reach a server at that address, as a clause for a person.
 * Returns undefined if it may reach the server.
 */
export function obstacleAt(text: TransportAddress, protocols: readonly string[]): string | undefined {
  const address = parse(text, protocols)
  if (address === undefined) return 'its address is of no use here'
  const here = loopbackNetwork()
  if (here === undefined || address.network === undefined || address.network === here) return undefined
  const { hostname } = new URL(address.url)
  return `its address ${hostname} is of its own host alone; its service needs --host, or --advertise, to be reached from here`
}

function parse(text: TransportAddress, protocols: readonly string[]): Address | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const { v, url, network } = JSON.parse(text) as Record<string, unknown>
    if (v !== VERSION || typeof url !== 'string') return undefined
    return protocols.includes(new URL(url).protocol) ? { url, network } : undefined
  } catch {
    return undefined
  }
}
