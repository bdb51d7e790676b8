import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it that are missing. The recursive mkdir of Node never ends
 * where a parent exists and the system still says ENOENT, as it does below /proc; here that is the
 * system's own error.
 * @param mode permissions of the directories that it makes, less the process's umask
 */
export function makeDirectory(path: string, mode = 0o777): void {
  try {
    makeOne(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    makeDirectory(parent, mode)
    makeOne(path, mode)
  }
}

/**
 * Makes one directory, or accepts the one that stands there, whatever error the attempt gets: a
 * read-only file system refuses before it looks.
 */
function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || !isDirectory(path)) throw error
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
