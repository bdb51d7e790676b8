import { readFileSync, readlinkSync } from 'node:fs'
import type { NodeEntry } from '@dyad-ts/core'

/**
 * Names the set of process ids that this process sees; undefined where the system does not provide
 * it.
 */
export const PROCESSES: string | undefined = nameProcesses()

function nameProcesses(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return undefined
  }
}

/**
 * Returns true if the process that registered a node runs. Returns undefined if this process could
 * not see it: on another host, in another container, also of the same name, and before the host's
 * last boot.
 */
export function isRunning({ processes, pid }: NodeEntry): boolean | undefined {
  if (processes === undefined || processes !== PROCESSES || pid === 0) return undefined
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
