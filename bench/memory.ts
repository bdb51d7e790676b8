import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Bytes that a process has to itself in memory now, and the most that it had resident since
 * `forgetPeak`.
 */
export interface Memory {
  readonly own: number
  readonly resident: number
  readonly peak: number
}

/** What the kernel knows of the memory of a process. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return { own: field(status, 'RssAnon'), resident: field(status, 'VmRSS'), peak: field(status, 'VmHWM') }
}

/** Has the peak of a process begin anew, as far as that is allowed. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Then the peak is that of the whole life of the process, which is no less.
  }
}

/** Bytes that a process has written so far, to sockets and files alike. */
export function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
}
