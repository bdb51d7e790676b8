import { readFileSync } from 'node:fs'

/** Who has it may lock as much as there is (capabilities(7)). */
const CAP_IPC_LOCK = 14n

/**
 * How many bytes this process may lock: its soft RLIMIT_MEMLOCK; undefined where nothing, or
 * nothing known, limits it.
 */
export function lockedMemoryLimit(): number | undefined {
  try {
    const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
    if ((BigInt(`0x${capabilities}`) >> CAP_IPC_LOCK) & 1n) return undefined
    const limit = /^Max locked memory\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? undefined : Number(limit)
  } catch {
    return undefined
  }
}
