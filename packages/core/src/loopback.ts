import { readFileSync, readlinkSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * Whether a name or an address, which may stand in the brackets of a URL, is of this host alone.
 */
export function isLoopbackHost(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '')
  const family = isIP(address)
  if (family === 0) return address === 'localhost'
  return LOOPBACK.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

let network: string | undefined

/**
 * Names the loopback network of this process: a start of a kernel and a network namespace of it.
 * Two processes have the same name if one reaches the listeners of the other, whatever the hosts
 * are called. Undefined where the system does not say.
 */
export function loopbackNetwork(): string | undefined {
  try {
    const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    network ??= `${bootId()} ${readlinkSync('/proc/self/ns/net')}`
  } catch {
    // Not Linux, or /proc is not to be seen.
  }
  return network
}

/**
 * The fault of a service that listens at loopback while its store is on another host, with the
 * remedy.
 */
export function loopbackAdvice(node: string): string {
  return (
    `no other host can fetch from node '${node}': its service listens at loopback alone; ` +
    'start it with --host ADDRESS (and --advertise NAME where others know it by another name), which needs a token'
  )
}
