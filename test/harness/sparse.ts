import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a file of `size` bytes that takes next to no space, with `marks` written at their places.
 */
export function writeSparse(path: string, size: number, marks: Record<number, string> = {}): void {
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'w')
  ftruncateSync(fd, size)
  for (const [at, text] of Object.entries(marks)) writeSync(fd, text, Number(at))
  closeSync(fd)
}
