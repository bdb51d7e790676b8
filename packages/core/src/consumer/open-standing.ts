import { closeSync, fstatSync } from 'node:fs'
import { openRegular } from '../files/open-regular.js'

/**
 * Opens the file that stands at its place. Returns undefined unless it has the published size:
 * another process has put another version there, and a reader would get a part of a longer one.
 * Fails as open(2) does, and with ERR_DYAD_PATH for anything but a regular file.
 */
export function openStanding(local: string, size: number): number | undefined {
  const fd = openRegular(local)
  if (fstatSync(fd).size === size) return fd
  closeSync(fd)
  return undefined
}
