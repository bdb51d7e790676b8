import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hasFileLocks, tryLock } from '@dyad/core'

/** Longest text of the lock file that is shown, in bytes. */
const SHOWN_BYTES = 256

/**
 * Locks a directory of records, by a lock on the file `lock` in it, and returns the release. The lock
 * is of the directory and not of a name, so it holds between network namespaces, containers and, where
 * the file system shares its locks, hosts. The kernel releases it with the process. Throws EBUSY with
 * the holder if another broker holds it, and a system error if the file cannot be opened or locked.
 * Where the system has no file locks at all, everybody gets it.
 */
export function lockDirectory(directory: string): () => void {
  if (!hasFileLocks()) return () => {}
  const path = join(directory, 'lock')
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  try {
    if (!locked(fd, path)) {
      const text = `another broker has this directory open: ${readHolder(fd)}`
      throw Object.assign(new Error(text), { code: 'EBUSY', path })
    }
    // The file stays: if it were removed, a second broker could lock another one of the same name.
    ftruncateSync(fd)
    writeSync(fd, `process ${process.pid} on host ${hostname()}\n`, 0)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return () => closeSync(fd)
}

function locked(fd: number, path: string): boolean {
  try {
    return tryLock(fd)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const text = `${path} cannot be locked: ${message}; choose a directory on a file system that has locks`
    throw Object.assign(new Error(text, { cause }), { code, path })
  }
}

function readHolder(fd: number): string {
  const bytes = Buffer.alloc(SHOWN_BYTES)
  const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))
  return text.replace(/\p{Cc}+/gu, ' ').trim() || 'it has not said which one it is'
}
