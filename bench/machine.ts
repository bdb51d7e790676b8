import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { GiB } from './part.js'

/** What was measured on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || cpuOfKernel() || 'unknown CPU',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / GiB) * 10) / 10,
    kernel: `${type()} ${release()}`,
    node: process.version,
  }
}

export function machineLine({ cpu, cores, memoryGiB, kernel, node }: Machine): string {
  return `${cpu}, ${cores} core${cores === 1 ? '' : 's'}, ${memoryGiB} GiB, ${kernel}, Node ${node}`
}

/** Some architectures tell Node nothing. */
function cpuOfKernel(): string | undefined {
  try {
    return /^(?:model name|Hardware)\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
