import { Buffer } from 'node:buffer'
import { isIPv4, isIPv6, SocketAddress } from 'node:net'

const AF_INET = 2
const AF_INET6 = 10
const IPV4_BYTES = 16
const IPV6_BYTES = 28

/** Returns the `struct sockaddr` of an IPv4 or IPv6 address. */
export function writeSocketAddress(address: string, port: number): Buffer {
  if (isIPv4(address)) {
    const bytes = Buffer.alloc(IPV4_BYTES)
    bytes.writeUInt16LE(AF_INET, 0)
    bytes.writeUInt16BE(port, 2)
    bytes.set(address.split('.').map(Number), 4)
    return bytes
  }
  if (!isIPv6(address)) throw new Error(`${address} is no IP address`)
  const bytes = Buffer.alloc(IPV6_BYTES)
  bytes.writeUInt16LE(AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  for (const [i, group] of groupsOf(address).entries()) bytes.writeUInt16BE(group, 8 + 2 * i)
  return bytes
}

/** Returns the eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  // URL turns dotted ends into groups, and every form into one.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const [before, after] = [parse(head), tail === undefined ? [] : parse(tail)]
  return [...before, ...new Array(8 - before.length - after.length).fill(0), ...after]
}

/** Returns an address in one spelling, so that two can be compared. */
export function canonicalAddress(address: string): string {
  return new SocketAddress({ address, family: isIPv4(address) ? 'ipv4' : 'ipv6' }).address
}
