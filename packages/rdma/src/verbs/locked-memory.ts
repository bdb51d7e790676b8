import { readFileSync } from 'node:fs'

/** How many bytes this process may lock: the soft RLIMIT_MEMLOCK; undefined if it is unlimited or unknown. A process with CAP_IPC_LOCK may lock more. */
export function lockedMemoryLimit(): number | undefined {
  try {
    const limit = /^Max locked memory\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? undefined : Number(limit)
  } catch {
    return undefined
  }
}
