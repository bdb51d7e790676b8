import { DyadError } from '../errors.js'
import type { TransportAddress } from '../transfer/contract.js'
import type { KvsEntry } from './contract.js'
import { Fields } from './fields.js'
import { decodePlain, encodePlain } from './msgpack.js'

/** What a service registers under its node's id, for as long as it lives. */
export interface NodeEntry {
  readonly node: string
  /** How to fetch from there, by name of transport. */
  readonly transports: readonly { readonly name: string; readonly address: TransportAddress }[]
  /** The managed directories that it serves. */
  readonly directories: readonly string[]
  /** Name of the host, for people. */
  readonly host: string
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** The bytes to register for a node. */
export function encodeNodeEntry({ node, transports, directories, host, pid, startedAt }: NodeEntry): Uint8Array {
  return encodePlain({
    node,
    transports: transports.map(({ name, address }) => ({ name, address })),
    directories,
    host,
    pid,
    startedAt,
  })
}

/** Reads what is registered under a node's id, trusting nothing. ERR_DYAD_METADATA. */
export function decodeNodeEntry(entry: KvsEntry): NodeEntry {
  try {
    const fields = new Fields(decodePlain(entry.value))
    return {
      node: fields.text('node', 255),
      transports: fields.list('transports', 16).map((item) => {
        const transport = new Fields(item)
        return { name: transport.text('name', 64), address: transport.text('address', 16_384) }
      }),
      directories: fields
        .list('directories', 10_000)
        .map((directory) => new Fields({ directory }).text('directory', 4_096)),
      host: fields.text('host', 255),
      pid: fields.count('pid'),
      startedAt: fields.count('startedAt'),
    }
  } catch (cause) {
    throw new DyadError('ERR_DYAD_METADATA', { node: entry.key, cause })
  }
}
