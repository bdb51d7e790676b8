import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A line of /proc/net/unix: the flags (0x10000 for a listener), the inode, and the path. */
const LINE = /^\S+ \S+ \S+ ([0-9A-F]{8}) \S+ \S+ +(\d+) (.*)$/
const LISTENS = 0x10000

/**
 * Returns the id of the process that listens at the path of a Unix socket, from the kernel. Returns
 * undefined where the system does not provide it, and for a process that this one may not inspect.
 */
export function listeningProcess(path: string): number | undefined {
  try {
    const inode = listeningInode(path)
    return inode === undefined ? undefined : holderOf(`socket:[${inode}]`)
  } catch {
    return undefined
  }
}

function listeningInode(path: string): string | undefined {
  for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
    const [, flags = '', inode, at] = LINE.exec(line) ?? []
    if (at === path && Number.parseInt(flags, 16) & LISTENS) return inode
  }
  return undefined
}

function holderOf(socket: string): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => holds(pid, socket))
}

function holds(pid: number, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === socket)
  } catch {
    // The process has ended, belongs to another user, or closes its descriptors.
    return false
  }
}
