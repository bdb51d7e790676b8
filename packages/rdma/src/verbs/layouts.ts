// The structures of libibverbs and librdmacm that this package reads and writes, in the layout of
// 64-bit Linux (rdma-core 44, verbs.h and rdma_cma.h). Every offset that this package uses is in
// this file. `layoutFault` compares them with the offsets that koffi computes for the same members.

/** One member: its C type by koffi's name, and its number of elements. */
interface Member {
  readonly type: string
  readonly offset: number
  readonly count: number
}

type Members = Readonly<Record<string, Member>>

/** A structure, with the offset of each member in use. */
export interface Layout<Name extends string = string> {
  readonly name: string
  /** Size in bytes. */
  readonly size: number
  readonly members: Members
  /** Offset of each member. */
  readonly at: Readonly<Record<Name, number>>
}

const member = (type: string, offset: number, count = 1): Member => ({ type, offset, count })
const pointer = (offset: number) => member('void *', offset)
const u64 = (offset: number) => member('uint64_t', offset)
const u32 = (offset: number) => member('uint32_t', offset)
const u16 = (offset: number) => member('uint16_t', offset)
const u8 = (offset: number) => member('uint8_t', offset)
const bytes = (offset: number, count: number) => member('uint8_t', offset, count)
const words = (offset: number, count: number) => member('uint32_t', offset, count)
const pointers = (offset: number, count: number) => member('void *', offset, count)

const known: Layout[] = []

function layout<const Name extends string>(
  name: string,
  size: number,
  members: Readonly<Record<Name, Member>>,
): Layout<Name> {
  const at = Object.fromEntries(Object.entries<Member>(members).map(([key, { offset }]) => [key, offset]))
  const made = { name, size, members, at: at as Record<Name, number> }
  known.push(made)
  return made
}

/**
 * The context of a device, with the functions that verbs.h calls through it.
 */
export const CONTEXT = layout('ibv_context', 328, {
  device: pointer(0),
  _before: pointers(8, 7),
  allocMw: pointer(64),
  bindMw: pointer(72),
  deallocMw: pointer(80),
  _createCq: pointer(88),
  pollCq: pointer(96),
  reqNotifyCq: pointer(104),
  _cq: pointers(112, 12),
  postSend: pointer(208),
  postRecv: pointer(216),
  _after: pointers(224, 5),
  cmdFd: u32(264),
  asyncFd: u32(268),
  _numCompVectors: u32(272),
  _mutex: pointers(280, 5),
  abiCompat: pointer(320),
})

export const MR = layout('ibv_mr', 48, {
  context: pointer(0),
  pd: pointer(8),
  addr: u64(16),
  length: u64(24),
  handle: u32(32),
  lkey: u32(36),
  rkey: u32(40),
})

export const MW = layout('ibv_mw', 32, {
  context: pointer(0),
  pd: pointer(8),
  rkey: u32(16),
  handle: u32(20),
  type: u32(24),
})

export const COMP_CHANNEL = layout('ibv_comp_channel', 16, { context: pointer(0), fd: u32(8), refcnt: u32(12) })

export const QP = layout('ibv_qp', 160, {
  context: pointer(0),
  qpContext: pointer(8),
  pd: pointer(16),
  sendCq: pointer(24),
  recvCq: pointer(32),
  srq: pointer(40),
  handle: u32(48),
  number: u32(52),
  state: u32(56),
  type: u32(60),
  _mutex: bytes(64, 96),
})

export const QP_INIT_ATTR = layout('ibv_qp_init_attr', 64, {
  qpContext: pointer(0),
  sendCq: pointer(8),
  recvCq: pointer(16),
  srq: pointer(24),
  maxSendWr: u32(32),
  maxRecvWr: u32(36),
  maxSendSge: u32(40),
  maxRecvSge: u32(44),
  maxInlineData: u32(48),
  type: u32(52),
  signalAll: u32(56),
})

export const SGE = layout('ibv_sge', 16, { addr: u64(0), length: u32(8), lkey: u32(12) })

export const SEND_WR = layout('ibv_send_wr', 128, {
  id: u64(0),
  next: u64(8),
  sgList: u64(16),
  numSge: u32(24),
  opcode: u32(28),
  flags: u32(32),
  /** Also the rkey of an invalidation. */
  immediate: u32(36),
  remoteAddr: u64(40),
  rkey: u32(48),
  _union: bytes(52, 28),
  mw: u64(80),
  mwRkey: u32(88),
  _pad: u32(92),
  mr: u64(96),
  mwAddr: u64(104),
  mwLength: u64(112),
  mwAccess: u32(120),
})

export const RECV_WR = layout('ibv_recv_wr', 32, { id: u64(0), next: u64(8), sgList: u64(16), numSge: u32(24) })

export const WC = layout('ibv_wc', 48, {
  id: u64(0),
  status: u32(8),
  opcode: u32(12),
  vendorError: u32(16),
  byteLength: u32(20),
  immediate: u32(24),
  qpNumber: u32(28),
  srcQp: u32(32),
  flags: u32(36),
  pkeyIndex: u16(40),
  slid: u16(42),
  sl: u8(44),
  dlidPathBits: u8(45),
})

export const PORT_ATTR = layout('ibv_port_attr', 52, {
  state: u32(0),
  maxMtu: u32(4),
  activeMtu: u32(8),
  gidTableLength: u32(12),
  capFlags: u32(16),
  maxMessage: u32(20),
  _counters: words(24, 2),
  _pkeyTableLength: u16(32),
  lid: u16(34),
  _smLid: u16(36),
  _widths: bytes(38, 7),
  physState: u8(45),
  linkLayer: u8(46),
  flags: u8(47),
  _capFlags2: u16(48),
})

export const DEVICE_ATTR = layout('ibv_device_attr', 232, {
  firmware: bytes(0, 64),
  _guids: member('uint64_t', 64, 2),
  maxMrSize: u64(80),
  _pageSizes: u64(88),
  _vendor: words(96, 3),
  maxQp: u32(108),
  maxQpWr: u32(112),
  capFlags: u32(116),
  maxSge: u32(120),
  _maxSgeRead: u32(124),
  _maxCq: u32(128),
  maxCqe: u32(132),
  maxMr: u32(136),
  _maxPd: u32(140),
  maxReads: u32(144),
  _limits: words(148, 7),
  maxMw: u32(176),
  _rest: words(180, 11),
  _maxPkeys: u16(224),
  _ackDelay: u8(226),
  ports: u8(227),
})

export const GID_ENTRY = layout('ibv_gid_entry', 32, {
  gid: bytes(0, 16),
  index: u32(16),
  port: u32(20),
  type: u32(24),
  interfaceIndex: u32(28),
})

export const EVENT_CHANNEL = layout('rdma_event_channel', 4, { fd: u32(0) })

export const CM_ID = layout('rdma_cm_id', 416, {
  verbs: pointer(0),
  channel: pointer(8),
  context: pointer(16),
  qp: pointer(24),
  source: bytes(32, 128),
  destination: bytes(160, 128),
  _route: pointers(288, 7),
  portSpace: u32(344),
  port: u8(348),
  event: pointer(352),
  _queues: pointers(360, 5),
  pd: pointer(400),
  qpType: u32(408),
})

export const CM_EVENT = layout('rdma_cm_event', 80, {
  id: pointer(0),
  listenId: pointer(8),
  event: u32(16),
  status: member('int32_t', 20),
  privateData: pointer(24),
  privateLength: u8(32),
  _param: bytes(33, 47),
})

export const CONN_PARAM = layout('rdma_conn_param', 24, {
  privateData: u64(0),
  privateLength: u8(8),
  responderResources: u8(9),
  initiatorDepth: u8(10),
  flowControl: u8(11),
  retryCount: u8(12),
  rnrRetryCount: u8(13),
  srq: u8(14),
  qpNumber: u32(16),
})

/** The functions of koffi that check the layouts. */
export interface LayoutChecker {
  struct(definition: Record<string, unknown>): unknown
  array(type: string, length: number): unknown
  sizeof(type: never): number
  offsetof(type: never, member: string): number
}

/** Returns the first layout that differs from this platform's C, in words, or undefined. */
export function layoutFault(koffi: LayoutChecker, layouts: readonly Layout[] = known): string | undefined {
  for (const { name, size, members } of layouts) {
    const definition: Record<string, unknown> = {}
    for (const [key, { type, count }] of Object.entries(members)) {
      definition[key] = count === 1 ? type : koffi.array(type, count)
    }
    const struct = koffi.struct(definition) as never
    for (const [key, { offset }] of Object.entries(members)) {
      const actual = koffi.offsetof(struct, key)
      if (actual !== offset) return `${key} of ${name} lies at ${actual} and not at ${offset}`
    }
    const actual = koffi.sizeof(struct)
    if (actual !== size) return `${name} has ${actual} bytes and not ${size}`
  }
  return undefined
}
