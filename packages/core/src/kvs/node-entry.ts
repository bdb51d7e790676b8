import { DyadError } from '../errors.js'
import type { TransportAddress } from '../transfer/contract.js'
import type { KvsEntry } from './contract.js'
import { Fields } from './fields.js'
import { decodePlain, encodePlain } from './msgpack.js'

/** Largest id of a process that kill(2) takes. */
const MAX_PID = 2 ** 31 - 1
/** The last moment that a Date can hold. */
const LATEST_MS = 8.64e15

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
  /**
   * Names the set of processes in which `pid` is unique: a start of a kernel, and a PID namespace
   * of it.
   */
  readonly processes?: string | undefined
  /** 'host' where the store is for other hosts, too, and none of them can reach this service. */
  readonly reach?: 'host' | undefined
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** The bytes to register for a node. */
export function encodeNodeEntry({ transports, processes, ...entry }: NodeEntry): Uint8Array {
  const { node, directories, host, pid, reach, startedAt } = entry
  return encodePlain({
    node,
    transports: transports.map(({ name, address }) => ({ name, address })),
    directories,
    host,
    pid,
    processes,
    reach,
    startedAt,
  })
}

/**
 * Reads the entry that is registered under a node's id, trusting nothing in it. ERR_DYAD_METADATA.
 */
export function decodeNodeEntry(entry: KvsEntry): NodeEntry {
  try {
    const fields = new Fields(decodePlain(entry.value))
    const node = fields.node('node')
    if (node !== entry.key) throw new RangeError(`it is the entry of node '${node}'`)
    const processes = fields.textIfAny('processes', 255)
    return {
      node,
      transports: fields.list('transports', 16).map((item) => {
        const transport = new Fields(item)
        return { name: transport.text('name', 64), address: transport.text('address', 16_384) }
      }),
      directories: fields.directories('directories', 10_000),
      host: fields.text('host', 255),
      pid: fields.count('pid', MAX_PID, 1),
      ...(processes !== undefined && { processes }),
      ...(fields.textIfAny('reach', 16) === 'host' && { reach: 'host' as const }),
      startedAt: fields.count('startedAt', LATEST_MS),
    }
  } catch (cause) {
    throw new DyadError('ERR_DYAD_METADATA', { node: entry.key, cause })
  }
}
