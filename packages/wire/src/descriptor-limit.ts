import { readFileSync } from 'node:fs'

/** What is assumed where the system does not tell. */
const USUAL = 1024
let known: number | undefined

/** How many descriptors this process may have open, as it was when that was first asked. */
export function descriptorLimit(): number {
  known ??= readLimit()
  return known
}

function readLimit(): number {
  try {
    const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
    return limit > 0 ? limit : USUAL
  } catch {
    return USUAL
  }
}
