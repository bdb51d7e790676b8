import { readFileSync } from 'node:fs'

/** The capability to lock any amount of memory (capabilities(7)). */
const CAP_IPC_LOCK = 14n

/**
 * Returns the number of bytes that this process may lock, its soft RLIMIT_MEMLOCK. Returns
 * undefined if there is no limit, or none is known.
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
