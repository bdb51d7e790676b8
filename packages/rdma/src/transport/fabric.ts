import { createSocket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { EventChannel } from '../verbs/connection-manager.js'
import type { Verbs } from '../verbs/library.js'
import { canonicalAddress } from '../verbs/socket-address.js'
import type { End } from './address.js'

/**
 * Addresses of this host that belong to verbs devices, in one spelling; what the connection manager
 * can bind.
 */
export function fabricAddresses(verbs: Verbs): string[] {
  using channel = new EventChannel(verbs)
  const found: string[] = []
  for (const { address, internal } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    // Link-local addresses mean something on one interface only, and nothing to others.
    if (internal || /^fe80:/i.test(address)) continue
    const id = channel.createId()
    try {
      id.bind(address, 0)
      if (id.device !== undefined) found.push(canonicalAddress(address))
    } catch {
      // No verbs device is behind it.
    } finally {
      id.destroy()
    }
  }
  return found
}

/**
 * The address of this host from which packets to `end` would leave: what the system's routes say,
 * without a packet being sent.
 */
export function routeTo(end: End): Promise<string> {
  const socket = createSocket(isIPv4(end.host) ? 'udp4' : 'udp6')
  return new Promise<string>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(end.port, end.host, () => resolve(canonicalAddress(socket.address().address)))
  }).finally(() => socket.close())
}
