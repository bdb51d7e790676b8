import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { isOpenForWriting } from './supervise.js'

/** A process that has a file open. */
export interface Holder {
  readonly pid: number
  readonly name: string
}

/**
 * Returns the nearest ancestor of this process that has a file open for writing; undefined if this
 * user can see none. Shells such as dash keep open the files that they redirect to, and so does the
 * shell that npx starts.
 */
export function heldByAncestor(file: string): Holder | undefined {
  for (let pid = process.ppid; pid > 1; ) {
    const status = statusOf(pid)
    if (status === undefined) return undefined
    if (hasOpen(pid, file)) return { pid, name: status.name }
    pid = status.parent
  }
  return undefined
}

function statusOf(pid: number): { name: string; parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1')
    const parent = Number(/^PPid:\s*(\d+)/m.exec(text)?.[1] ?? 0)
    return { name: /^Name:\s*(.*)/m.exec(text)?.[1] ?? '', parent }
  } catch {
    return undefined
  }
}

function hasOpen(pid: number, file: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === file && isOpenForWriting(fd, pid)
    })
  } catch {
    // It belongs to another user, or it has ended.
    return false
  }
}
