import { accessSync, constants, lstatSync } from 'node:fs'
import { DyadError } from '../errors.js'
import { makeTrustedDirectory } from '../files/trusted-place.js'
import { userId } from './user-id.js'

/**
 * Makes the directory for this node's state. Refuses one that others can write to, and one in which
 * this process cannot make anything. ERR_DYAD_OPTION.
 */
export function prepareStateDirectory(path: string): void {
  try {
    makeTrustedDirectory(path, 0o700)
    checkStateDirectory(path)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw cause instanceof DyadError ? cause : unusable((cause as Error).message, path, cause)
  }
}

/**
 * Refuses a path that is no directory of this process's user, or that others can write to.
 * ERR_DYAD_OPTION, and the system's own errors.
 */
export function checkStateDirectory(path: string): void {
  const found = lstatSync(path)
  if (!found.isDirectory() || (userId() !== -1 && found.uid !== userId()) || found.mode & 0o022) {
    throw unusable('not a directory that only this user can write to', path)
  }
}

function unusable(why: string, path: string, cause?: unknown): DyadError {
  const remedy = 'Set it to a directory of your own, on a disk of this host, that nobody else can write to.'
  return new DyadError('ERR_DYAD_OPTION', { option: 'stateDir (DYAD_STATE_DIR)', path, detail: why, remedy, cause })
}
