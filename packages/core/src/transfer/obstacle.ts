import { reasonOf } from '../errors.js'
import type { Transport, TransportAddress } from './contract.js'

/**
 * Why this side cannot fetch files of the directory `storage` over a transport for which the owner
 * offers `address`, as a clause for a person; undefined if it can. Asks nobody over a network.
 */
export async function obstacleTo(
  transport: Transport,
  address: TransportAddress | undefined,
  storage: string,
): Promise<string | undefined> {
  // Before it is asked whether this host can use it, which may take opening a device.
  if (address === undefined) return 'the owner does not offer it'
  return transport.unavailable === undefined ? transport.obstacle(address, storage) : reasonOf(transport.unavailable)
}
