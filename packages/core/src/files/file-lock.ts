import { nativeExtensions } from './native-extensions.js'

/** Which part of a file to lock. */
export interface LockRange {
  /** The first byte; it need not exist. @default 0 */
  readonly offset?: number | undefined
  /** How many bytes; 0 for all that follow. @default 0 */
  readonly length?: number | undefined
  /**
   * Whether others may hold a shared lock at the same time. A shared lock needs a descriptor that
   * is open for reading, an exclusive one needs a descriptor that is open for writing.
   * @default false
   */
  readonly shared?: boolean | undefined
}

/**
 * Whether this system has file locks: the library has no build for some. Throws EMFILE where no
 * descriptor is free to find that out.
 */
export function hasFileLocks(): boolean {
  return nativeExtensions() !== null
}

/**
 * Locks a file at once and returns true, or returns false if another open file holds the lock.
 * Throws a system error where the file system has no locks, ENOSYS where this system has none, and
 * EMFILE as {@link hasFileLocks} does.
 */
export function tryLock(fd: number, { offset = 0, length = 0, shared = false }: LockRange = {}): boolean {
  const locks = nativeExtensions()
  if (locks === null) throw Object.assign(new Error('this system has no file locks'), { code: 'ENOSYS' })
  try {
    locks.tryLock(fd, offset, length, !shared)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false
    throw error
  }
}

/** Releases what this open file has locked. */
export function unlock(fd: number, { offset = 0, length = 0 }: LockRange): void {
  nativeExtensions()?.unlock(fd, offset, length)
}
