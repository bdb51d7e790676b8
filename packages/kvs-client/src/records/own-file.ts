import { constants, lstatSync, openSync, unlinkSync } from 'node:fs'
import type { DyadError } from '@dyad-ts/core'
import { openRegular } from '@dyad-ts/core/internal'
import { damaged } from './damaged.js'

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

/**
 * Opens an existing file of a directory of records: a regular file of that name, and nothing else.
 * The caller closes the descriptor. ERR_DYAD_LOG for anything else, and the system's own errors.
 * @param access `r+` to write to it as well. @default r
 */
export function openOwn(path: string, access: 'r' | 'r+' = 'r'): number {
  const flags = (access === 'r' ? O_RDONLY : O_RDWR) | O_NOFOLLOW
  try {
    return openRegular(path, undefined, flags)
  } catch (error) {
    throw irregularity(path) ?? error
  }
}

/** Makes a new file in the place of an unfinished one. Throws as {@link openOwn}. */
export function makeOwn(path: string): number {
  removeOwn(path)
  return openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
}

/** Removes a file if it exists. ERR_DYAD_LOG for a directory, and the system's own errors. */
export function removeOwn(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw irregularity(path) ?? error
  }
}

/** Returns the kind of the entry at a path if it is not a regular file. */
export function irregularKind(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isFile()) return undefined
  if (found.isDirectory()) return 'a directory'
  if (found.isSymbolicLink()) return 'a symbolic link'
  if (found.isFIFO()) return 'a pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}

function irregularity(path: string): DyadError | undefined {
  const kind = irregularKind(path)
  if (kind === undefined) return undefined
  const advice = kind === 'a symbolic link' ? ': put the file itself in its place' : ''
  return damaged(path, `is ${kind} and no regular file${advice}`)
}
