import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { syncNames } from './log-directory.js'
import { openOwn } from './own-file.js'

const STEP_BYTES = 1024 * 1024

/**
 * Copies the end of a log file, before it is cut off, to a file beside it. Returns the path of that
 * file.
 */
export function saveTail(path: string, from: number, size: number): string {
  const source = openOwn(path)
  try {
    const { fd, path: saved } = createBeside(`${path}.cut-${from}`)
    try {
      const bytes = Buffer.allocUnsafeSlow(Math.min(STEP_BYTES, size - from))
      for (let at = from; at < size; ) {
        const read = readSync(source, bytes, 0, Math.min(bytes.length, size - at), at)
        if (read === 0) break
        for (let done = 0; done < read; ) done += writeSync(fd, bytes, done, read - done)
        at += read
      }
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    syncNames(dirname(path))
    return saved
  } finally {
    closeSync(source)
  }
}

/** Makes a new file of this name, or of this name with the first free number. */
function createBeside(name: string): { fd: number; path: string } {
  for (let i = 0; ; i++) {
    const path = i === 0 ? name : `${name}-${i}`
    try {
      return { fd: openSync(path, 'wx', 0o600), path }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
