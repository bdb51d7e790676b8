import { accessSync, constants, existsSync } from 'node:fs'
import { reasonOf } from '@dyad-ts/core/internal'
import { fabricAddresses } from './transport/fabric.js'
import { FIRST_SLAB_BYTES, MAX_SLAB_BYTES } from './transport/slabs.js'
import { type DeviceReport, reportDevices } from './verbs/devices.js'
import { VerbError } from './verbs/faults.js'
import { loadVerbs, type Verbs } from './verbs/library.js'
import { lockedMemoryLimit } from './verbs/locked-memory.js'

/** A fault that keeps RDMA from working, or from working well, and its remedy. */
export interface Finding {
  /** Whether RDMA does not work at all until the remedy. */
  readonly isFatal: boolean
  readonly what: string
  readonly remedy: string
}

/** The state of RDMA verbs on this host. */
export interface HostReport {
  /** Whether the rdma transport works here. */
  readonly isUsable: boolean
  /** Version of koffi, or undefined if koffi or the libraries of rdma-core cannot be loaded. */
  readonly koffi: string | undefined
  readonly devices: readonly DeviceReport[]
  /** Addresses of verbs devices, at which a service can listen. */
  readonly addresses: readonly string[]
  /** Bytes that a process may lock, or undefined for any number. */
  readonly lockedMemory: number | undefined
  readonly findings: readonly Finding[]
}

const CM_DEVICE = '/dev/infiniband/rdma_cm'
/** Memory that a service locks: the slabs of both sides, buffers for messages, and queues. */
const WANTED_LOCKED_BYTES = 2 * MAX_SLAB_BYTES + 16 * 1024 * 1024
/** Payload of a packet on a network with frames of 9,000 bytes. */
const BEST_MTU = 4096

/**
 * Reports libraries, devices, ports, addresses and limits. Uses no network, and changes nothing.
 */
export function reportHost(): HostReport {
  const findings: Finding[] = []
  const lockedMemory = lockedMemoryLimit()
  const verbs = load(findings)
  const devices = verbs === undefined ? [] : list(verbs, findings)
  const addresses = verbs === undefined || devices.length === 0 ? [] : listAddresses(verbs, findings)
  findings.push(...devices.flatMap(deviceFindings))
  if (lockedMemory !== undefined && lockedMemory < WANTED_LOCKED_BYTES) findings.push(memoryFinding(lockedMemory))
  return {
    isUsable: !findings.some(({ isFatal }) => isFatal),
    koffi: verbs?.koffi.version,
    devices,
    addresses,
    lockedMemory,
    findings,
  }
}

function load(findings: Finding[]): Verbs | undefined {
  try {
    return loadVerbs()
  } catch (error) {
    findings.push({
      isFatal: true,
      what: reasonOf(error),
      remedy: 'install rdma-core, on Debian: apt-get install ibverbs-providers librdmacm1',
    })
    return undefined
  }
}

function list(verbs: Verbs, findings: Finding[]): DeviceReport[] {
  let devices: DeviceReport[] = []
  let why = 'there is no verbs device'
  try {
    devices = reportDevices(verbs)
  } catch (error) {
    if (!(error instanceof VerbError)) throw error
    why = `there is no verbs device that can be opened (${error.message})`
  }
  if (devices.length > 0) return devices
  const remedy = existsSync('/sys/class/infiniband')
    ? 'check the card (lspci, dmesg), and that you may use /dev/infiniband; without a card, `rdma link add rxe0 type rxe netdev INTERFACE` makes a device in software'
    : 'load the modules: modprobe ib_uverbs rdma_ucm and that of the card; without a card, modprobe rdma_rxe'
  findings.push({ isFatal: true, what: why, remedy })
  return []
}

function listAddresses(verbs: Verbs, findings: Finding[]): string[] {
  const fault = cmFault()
  if (fault !== undefined) {
    findings.push(fault)
    return []
  }
  const addresses = fabricAddresses(verbs)
  if (addresses.length === 0) {
    findings.push({
      isFatal: true,
      what: 'no verbs device has an IP address',
      remedy: 'give its network interface one (ip addr add …); InfiniBand needs IP over InfiniBand (modprobe ib_ipoib)',
    })
  }
  return addresses
}

/** Returns the fault that keeps this user from the connection manager, if there is one. */
function cmFault(): Finding | undefined {
  if (!existsSync(CM_DEVICE)) {
    return { isFatal: true, what: `${CM_DEVICE} does not exist`, remedy: 'modprobe rdma_ucm' }
  }
  try {
    accessSync(CM_DEVICE, constants.R_OK | constants.W_OK)
    return undefined
  } catch {
    return { isFatal: true, what: `you may not use ${CM_DEVICE}`, remedy: `chmod 666 ${CM_DEVICE}, or a udev rule` }
  }
}

function deviceFindings({ name, hasMemoryWindows, ports }: DeviceReport): Finding[] {
  const findings: Finding[] = []
  if (!hasMemoryWindows) {
    findings.push({
      isFatal: false,
      what: `${name} has no memory windows of type 2, so that it is not used`,
      remedy: 'update its firmware, or use another device',
    })
  }
  for (const { number, state, linkLayer, mtu, gids } of ports) {
    const port = `port ${number} of ${name}`
    if (state !== 'active') {
      const remedy =
        'check the cable and the switch, that its network interface is up, and on InfiniBand the subnet manager'
      findings.push({ isFatal: false, what: `${port} is ${state}`, remedy })
    }
    if (linkLayer !== 'Ethernet') continue
    if (mtu < BEST_MTU) {
      const remedy = 'an MTU of 9000 of its network interface, and of the network, gives 4096'
      findings.push({ isFatal: false, what: `packets of ${port} carry ${mtu} bytes`, remedy })
    }
    if (!gids.some(({ type, gid }) => type === 'RoCE v2' && gid.startsWith('::ffff:'))) {
      const remedy = 'give its network interface an IPv4 address, and let the connection manager use RoCE v2'
      findings.push({ isFatal: false, what: `${port} has no RoCE v2 address of IPv4`, remedy })
    }
  }
  return findings
}

function memoryFinding(limit: number): Finding {
  return {
    isFatal: limit <= FIRST_SLAB_BYTES,
    what: `a process may lock ${limit} bytes of memory, and ${WANTED_LOCKED_BYTES} are wanted`,
    remedy: 'ulimit -l unlimited, memlock in /etc/security/limits.conf, or LimitMEMLOCK=infinity of the unit',
  }
}
