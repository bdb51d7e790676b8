import { Buffer } from 'node:buffer'
import { DEVICE_CAP, GID_TYPES, LINK_LAYERS, mtuBytes, PORT_STATES } from './constants.js'
import { VerbError } from './faults.js'
import { DEVICE_ATTR, GID_ENTRY, PORT_ATTR } from './layouts.js'
import type { Pointer, Verbs } from './library.js'

/** One port of a device. */
export interface PortReport {
  readonly number: number
  /** One of PORT_STATES. */
  readonly state: string
  readonly linkLayer: string
  /** Most bytes of a packet. */
  readonly mtu: number
  /** Most bytes of a message. */
  readonly maxMessage: number
  readonly gids: readonly GidReport[]
}

/** One address of a port. */
export interface GidReport {
  readonly index: number
  /** The GID as an IPv6 address. */
  readonly gid: string
  readonly type: string
}

/** A verbs device, by its own description. */
export interface DeviceReport {
  readonly name: string
  readonly firmware: string
  readonly maxQueuePairs: number
  readonly maxRegions: number
  /** Whether the device has keys to a part of a region for one peer, which can be withdrawn. */
  readonly hasMemoryWindows: boolean
  readonly ports: readonly PortReport[]
}

/** Most entries of a GID table that are read. */
const MAX_GIDS = 256
const ENODATA = 61

/**
 * Returns the addresses of all devices, which are valid until `release`. VerbError with ENOSYS if
 * the kernel has no verbs.
 */
function listDevices(verbs: Verbs): { readonly devices: readonly Pointer[]; release(): void } {
  const count = Buffer.alloc(4)
  const list = verbs.ibv_get_device_list(count) as Pointer | null
  if (list === null) throw new VerbError('ibv_get_device_list', verbs.errno())
  const devices = Array.from(
    { length: count.readInt32LE(0) },
    (_, i) => verbs.koffi.decode(list, 8 * i, 'void *') as Pointer,
  )
  return { devices, release: () => void verbs.ibv_free_device_list(list) }
}

/** Returns the description of every device and its ports. VerbError. */
export function reportDevices(verbs: Verbs): DeviceReport[] {
  const { devices, release } = listDevices(verbs)
  try {
    return devices.map((device) => reportDevice(verbs, device))
  } finally {
    release()
  }
}

/** Returns the most bytes of a message through a port of an opened device. VerbError. */
export function maxMessageOf(verbs: Verbs, context: Pointer, port: number): number {
  return queryPort(verbs, context, port).readUInt32LE(PORT_ATTR.at.maxMessage)
}

/** Returns true if an opened device has memory windows of type 2. VerbError. */
export function hasMemoryWindows(verbs: Verbs, context: Pointer): boolean {
  const caps = queryDevice(verbs, context).readUInt32LE(DEVICE_ATTR.at.capFlags)
  return (caps & (DEVICE_CAP.memWindow2a | DEVICE_CAP.memWindow2b)) !== 0
}

function reportDevice(verbs: Verbs, device: Pointer): DeviceReport {
  const name = verbs.ibv_get_device_name(device) as string
  const context = verbs.ibv_open_device(device) as Pointer | null
  if (context === null) throw new VerbError('ibv_open_device', verbs.errno(), name)
  try {
    const attributes = queryDevice(verbs, context)
    const ports = attributes[DEVICE_ATTR.at.ports] as number
    return {
      name,
      firmware: textOf(attributes.subarray(DEVICE_ATTR.at.firmware, 64)),
      maxQueuePairs: attributes.readUInt32LE(DEVICE_ATTR.at.maxQp),
      maxRegions: attributes.readUInt32LE(DEVICE_ATTR.at.maxMr),
      hasMemoryWindows: hasMemoryWindows(verbs, context),
      ports: Array.from({ length: ports }, (_, i) => reportPort(verbs, context, i + 1)),
    }
  } finally {
    verbs.ibv_close_device(context)
  }
}

function reportPort(verbs: Verbs, context: Pointer, number: number): PortReport {
  const attributes = queryPort(verbs, context, number)
  const gids: GidReport[] = []
  const count = Math.min(MAX_GIDS, attributes.readUInt32LE(PORT_ATTR.at.gidTableLength))
  for (let index = 0; index < count; index++) {
    const entry = Buffer.alloc(GID_ENTRY.size)
    const errno = verbs._ibv_query_gid_ex(context, number, index, entry, 0, GID_ENTRY.size) as number
    if (errno === ENODATA) continue
    if (errno !== 0) throw new VerbError('ibv_query_gid_ex', errno)
    const type = entry.readUInt32LE(GID_ENTRY.at.type)
    gids.push({ index, gid: gidText(entry.subarray(0, 16)), type: GID_TYPES[type] ?? `type ${type}` })
  }
  const state = attributes.readUInt32LE(PORT_ATTR.at.state)
  const layer = attributes[PORT_ATTR.at.linkLayer] as number
  return {
    number,
    state: PORT_STATES[state] ?? `state ${state}`,
    linkLayer: LINK_LAYERS[layer] ?? `layer ${layer}`,
    mtu: mtuBytes(attributes.readUInt32LE(PORT_ATTR.at.activeMtu)),
    maxMessage: attributes.readUInt32LE(PORT_ATTR.at.maxMessage),
    gids,
  }
}

function queryDevice(verbs: Verbs, context: Pointer): Buffer {
  const attributes = Buffer.alloc(DEVICE_ATTR.size)
  const errno = verbs.ibv_query_device(context, attributes) as number
  if (errno !== 0) throw new VerbError('ibv_query_device', errno)
  return attributes
}

function queryPort(verbs: Verbs, context: Pointer, port: number): Buffer {
  const attributes = Buffer.alloc(PORT_ATTR.size)
  const errno = verbs.ibv_query_port(context, port, attributes) as number
  if (errno !== 0) throw new VerbError('ibv_query_port', errno, `port ${port}`)
  return attributes
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end)
}

/** Returns the text of a GID, such as ::ffff:10.0.0.1. */
function gidText(gid: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => gid.readUInt16BE(2 * i).toString(16))
  const isIpv4 = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff'
  if (isIpv4) return `::ffff:${gid.subarray(12).join('.')}`
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
