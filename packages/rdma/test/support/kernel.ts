import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

interface Resource {
  /** Missing where the kernel has it for itself. */
  readonly pid?: number
  /** Of a memory region, in bytes. */
  readonly mrlen?: number
  /** Of a queue pair, its number. */
  readonly lqpn?: number
}

/** What the kernel has made for processes, as `rdma resource` tells. */
function list(kind: 'qp' | 'cq' | 'mr' | 'pd' | 'cm_id', pid?: number): Resource[] {
  const all: Resource[] = JSON.parse(execFileSync('rdma', ['-j', 'resource', 'show', kind], { encoding: 'utf8' }))
  return all.filter((row) => row.pid !== undefined && (pid === undefined || row.pid === pid))
}

/** How many of these there are, of a process or of all. */
export function resources(kind: 'qp' | 'cq' | 'mr' | 'pd' | 'cm_id', pid?: number): number {
  return list(kind, pid).length
}

/**
 * Numbers of the queue pairs of a process: as long as they are the same, so are its connections.
 */
export function queuePairs(pid: number): number[] {
  return list('qp', pid).map(({ lqpn }) => Number(lqpn))
}

/** Memory that a process has registered, in bytes. */
export function registeredBytes(pid: number): number {
  return list('mr', pid).reduce((sum, { mrlen }) => sum + Number(mrlen), 0)
}

/** Open descriptors of this process. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number | 'self' = 'self'): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
