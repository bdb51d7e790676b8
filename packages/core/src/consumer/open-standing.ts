import { closeSync, fstatSync } from 'node:fs'
import { openRegular } from '../files/open-regular.js'

/**
 * Opens the file that stands at its place. Undefined if it has not the size that was published: another
 * process has put another version there meanwhile, and of a longer one only a part would be read.
 * Fails as open(2) does, and with ERR_DYAD_PATH for anything but a regular file.
 */
export function openStanding(local: string, size: number): number | undefined {
  const fd = openRegular(local)
  if (fstatSync(fd).size === size) return fd
  closeSync(fd)
  return undefined
}
