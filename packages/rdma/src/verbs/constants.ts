// Enumerations of verbs.h and rdma_cma.h, with the names of the headers.

export const ACCESS = { localWrite: 1, remoteWrite: 2, remoteRead: 4, mwBind: 16 } as const
export const OPCODE = { write: 0, writeImm: 1, send: 2, read: 4, localInv: 7, bindMw: 8 } as const
export const SEND_FLAG = { signaled: 2 } as const
/** Opcodes of completions of receives. Those of requests are lower. */
export const COMPLETED = { recv: 128, recvImm: 129 } as const
export const QP_TYPE_RC = 2
export const MW_TYPE_2 = 2
export const DEVICE_CAP = { memWindow2a: 0x0080_0000, memWindow2b: 0x0100_0000 } as const
export const PORT_STATES = ['no change', 'down', 'initializing', 'armed', 'active', 'active, deferred'] as const
export const LINK_LAYERS = ['unspecified', 'InfiniBand', 'Ethernet'] as const
export const GID_TYPES = ['InfiniBand', 'RoCE v1', 'RoCE v2'] as const
/** Returns the bytes of an MTU by its number. */
export const mtuBytes = (mtu: number) => 128 << mtu
export const PORT_SPACE_TCP = 0x0106
/**
 * Options of rdma_set_option: level RDMA_OPTION_ID, and the time after which a packet counts as
 * lost, as 4.096 µs · 2ⁿ.
 */
export const CM_OPTION = { levelId: 0, ackTimeout: 3 } as const
export const CM_EVENT_NAMES = [
  'ADDR_RESOLVED',
  'ADDR_ERROR',
  'ROUTE_RESOLVED',
  'ROUTE_ERROR',
  'CONNECT_REQUEST',
  'CONNECT_RESPONSE',
  'CONNECT_ERROR',
  'UNREACHABLE',
  'REJECTED',
  'ESTABLISHED',
  'DISCONNECTED',
  'DEVICE_REMOVAL',
  'MULTICAST_JOIN',
  'MULTICAST_ERROR',
  'ADDR_CHANGE',
  'TIMEWAIT_EXIT',
] as const
export type CmEventName = (typeof CM_EVENT_NAMES)[number]
