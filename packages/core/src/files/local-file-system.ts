import { statfsSync } from 'node:fs'

/**
 * File systems that belong to one kernel, by their numbers in statfs(2): ext2 to ext4, XFS, Btrfs,
 * tmpfs, overlayfs, F2FS, ZFS, bcachefs, ramfs.
 */
const LOCAL = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1, 0xca451a4e, 0x858458f6,
])

/**
 * Whether a file system belongs to this kernel alone. Another one may keep a lock from other hosts,
 * which write the file meanwhile, and may report a failed write only as the file is closed.
 * @param type its number in statfs(2)
 */
export function isLocalFileSystem(type: number): boolean {
  return LOCAL.has(type)
}

/** As {@link isLocalFileSystem}, of the file system at a path; false if the system cannot tell. */
export function isOnLocalFileSystem(path: string): boolean {
  try {
    return isLocalFileSystem(statfsSync(path).type)
  } catch {
    return false
  }
}
