import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

interface Resource {
  /** Missing if the resource is the kernel's own. */
  readonly pid?: number
  /** Length of a memory region, in bytes. */
  readonly mrlen?: number
  /** Number of a queue pair. */
  readonly lqpn?: number
}

/** Returns the kernel's resources of processes, as `rdma resource` lists them. */
function list(kind: 'qp' | 'cq' | 'mr' | 'pd' | 'cm_id', pid?: number): Resource[] {
  const all: Resource[] = JSON.parse(execFileSync('rdma', ['-j', 'resource', 'show', kind], { encoding: 'utf8' }))
  return all.filter((row) => row.pid !== undefined && (pid === undefined || row.pid === pid))
}

/** Returns the number of resources of a kind, of a process or of all. */
export function resources(kind: 'qp' | 'cq' | 'mr' | 'pd' | 'cm_id', pid?: number): number {
  return list(kind, pid).length
}

/**
 * Returns the numbers of the queue pairs of a process. While they stay the same, so do its
 * connections.
 */
export function queuePairs(pid: number): number[] {
  return list('qp', pid).map(({ lqpn }) => Number(lqpn))
}

/** Returns the registered memory of a process, in bytes. */
export function registeredBytes(pid: number): number {
  return list('mr', pid).reduce((sum, { mrlen }) => sum + Number(mrlen), 0)
}

/** Returns the number of open descriptors of this process. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Returns the resident memory of a process, in bytes. */
export function residentBytes(pid: number | 'self' = 'self'): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
