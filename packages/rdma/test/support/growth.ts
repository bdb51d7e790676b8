import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { descriptors, residentBytes, resources } from './kernel.js'

const MIB = 1024 * 1024
/** Most growth of a process that does the same again and again, in bytes. */
export const MAX_GROWTH = { heap: 2 * MIB, resident: 24 * MIB }

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Returns the resources that must be the same before and after. */
export function taken(pid = process.pid) {
  return {
    descriptors: descriptors(),
    qp: resources('qp', pid),
    cq: resources('cq', pid),
    mr: resources('mr', pid),
    pd: resources('pd', pid),
  }
}

/** Returns the memory of this process after garbage collection, in bytes. */
export function memory() {
  collect()
  return { heap: process.memoryUsage().heapUsed, resident: residentBytes() }
}

interface Checks {
  ok(value: boolean, message: string): unknown
  comment(text: string): unknown
}

export function checkGrowth(t: Checks, before: ReturnType<typeof memory>): void {
  const after = memory()
  const grown = { heap: after.heap - before.heap, resident: after.resident - before.resident }
  t.comment(
    `the heap grew by ${(grown.heap / MIB).toFixed(2)} MiB, resident memory by ${(grown.resident / MIB).toFixed(2)}`,
  )
  t.ok(grown.heap < MAX_GROWTH.heap, 'the heap is what it was')
  t.ok(grown.resident < MAX_GROWTH.resident, 'resident memory is what it was')
}
