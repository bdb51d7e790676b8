/**
 * Transports by the names that DYAD_DTL_MODE accepts: ours, and DYAD's. UCX and MARGO ask for the
 * fastest that there is, which is what `auto` takes: programs that were written for them must run
 * where there is no RDMA, too.
 */
export const DTL_MODES = {
  auto: 'auto',
  local: 'local',
  rdma: 'rdma',
  tcp: 'tcp',
  rpc: 'rpc',
  FLUX_RPC: 'rpc',
  UCX: 'auto',
  MARGO: 'auto',
} as const

/** A name of a transport, as the option `dtlMode` accepts it. */
export type DtlMode = keyof typeof DTL_MODES

/** Returns whether a text names a transport, spelt exactly so. */
export function isDtlMode(text: string): text is DtlMode {
  return Object.hasOwn(DTL_MODES, text)
}
