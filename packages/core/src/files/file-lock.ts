import { createRequire } from 'node:module'

/**
 * The calls of fs-native-extensions that are used here: F_OFD_SETLK of fcntl(2) on Linux. A lock
 * belongs to an open file, so it works between threads, processes, containers and, where the file
 * system shares its locks, between hosts. The kernel releases it when the last descriptor of that
 * open file is closed, in whatever way the process ends.
 */
interface Locks {
  tryLock(fd: number, offset: number, length: number, exclusive: boolean): void
  unlock(fd: number, offset: number, length: number): void
}

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

let loaded: Locks | null | undefined

/** Names the file itself: the library's own loader takes ten milliseconds to find it. */
function load(): Locks | null {
  try {
    const file = `fs-native-extensions/prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`
    return createRequire(import.meta.url)(file) as Locks
  } catch (error) {
    const { message } = error as Error
    // The linker needs a descriptor, and has no code for saying so. The next call loads it.
    if (/too many open files/i.test(message)) throw Object.assign(new Error(message), { code: 'EMFILE' })
    return null
  }
}

/**
 * Whether this system has file locks: the library has no build for some. Throws EMFILE where no
 * descriptor is free to find that out.
 */
export function hasFileLocks(): boolean {
  if (loaded === undefined) loaded = load()
  return loaded !== null
}

/**
 * Locks a file at once and returns true, or returns false if another open file holds the lock.
 * Throws a system error where the file system has no locks, ENOSYS where this system has none, and
 * EMFILE as {@link hasFileLocks} does.
 */
export function tryLock(fd: number, { offset = 0, length = 0, shared = false }: LockRange = {}): boolean {
  if (loaded === undefined) loaded = load()
  if (loaded === null) throw Object.assign(new Error('this system has no file locks'), { code: 'ENOSYS' })
  try {
    loaded.tryLock(fd, offset, length, !shared)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false
    throw error
  }
}

/** Releases what this open file has locked. */
export function unlock(fd: number, { offset = 0, length = 0 }: LockRange): void {
  loaded?.unlock(fd, offset, length)
}
