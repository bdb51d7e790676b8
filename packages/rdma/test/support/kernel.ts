import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** How many of these the kernel has made for processes, as `rdma resource` tells; its own have no process. */
export function resources(kind: 'qp' | 'cq' | 'mr' | 'pd' | 'cm_id', pid?: number): number {
  const rows: { pid?: number }[] = JSON.parse(
    execFileSync('rdma', ['-j', 'resource', 'show', kind], { encoding: 'utf8' }),
  )
  return rows.filter((row) => row.pid !== undefined && (pid === undefined || row.pid === pid)).length
}

/** Open descriptors of this process. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number | 'self' = 'self'): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
