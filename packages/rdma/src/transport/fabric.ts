import { createSocket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { EventChannel } from '../verbs/connection-manager.js'
import type { Verbs } from '../verbs/library.js'
import { canonicalAddress } from '../verbs/socket-address.js'
import type { End } from './address.js'

/**
 * Returns the addresses of this host that belong to verbs devices, in one spelling. The connection
 * manager can bind them.
 */
export function fabricAddresses(verbs: Verbs): string[] {
  using channel = new EventChannel(verbs)
  const found: string[] = []
  for (const { address, internal } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    // Other hosts cannot use link-local addresses, which are valid on one interface only.
    if (internal || /^fe80:/i.test(address)) continue
    const id = channel.createId()
    try {
      id.bind(address, 0)
      if (id.device !== undefined) found.push(canonicalAddress(address))
    } catch {
      // The address has no verbs device.
    } finally {
      id.destroy()
    }
  }
  return found
}

/**
 * Resolves with the address of this host from which packets to `end` would leave, by the routes of
 * the system. Sends no packet.
 */
export function routeTo(end: End): Promise<string> {
  const socket = createSocket(isIPv4(end.host) ? 'udp4' : 'udp6')
  return new Promise<string>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(end.port, end.host, () => resolve(canonicalAddress(socket.address().address)))
  }).finally(() => socket.close())
}
