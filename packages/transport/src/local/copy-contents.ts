import { constants, fchmodSync, fstatSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import type { OpenedFile } from '@dyad-ts/core'
import { descriptorPath, writeAll } from '@dyad-ts/core/internal'

/** Most bytes of one read or write. */
const PIECE_BYTES = 1024 * 1024
/** Buffers kept for the next copy, since new memory of this size means hundreds of page faults. */
const SPARE_BUFFERS = 8
const spare: Buffer[] = []

/**
 * Makes the open file `into` a clone of `from`, and keeps its permissions. Returns false if the
 * file system cannot clone it.
 */
export async function clone(from: string, into: number): Promise<boolean> {
  const { mode } = fstatSync(into)
  try {
    await copyFile(from, descriptorPath(into), constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    return false
  } finally {
    // Node gave it the permissions of `from`, with set-id bits. Until here nobody can run it, since
    // the system runs no file that is open for writing.
    fchmodSync(into, mode & 0o7777)
  }
}

/**
 * Copies `size` bytes, and reads one piece while it writes another. Rejects with ERR_DYAD_CHANGED
 * if the file becomes shorter meanwhile; fs.copyFile is a quarter faster, but never ends then. When
 * `signal` fires, it ends before the next piece.
 * @param passed called with each piece, in order
 */
export async function copyContents(
  file: OpenedFile,
  size: number,
  into: number,
  signal: AbortSignal,
  passed?: (bytes: Uint8Array) => void,
): Promise<void> {
  let [reading, writing] = [takeBuffer(), takeBuffer()]
  let read = file.read(reading, 0)
  let written = Promise.resolve()
  try {
    for (let position = 0; position < size; position += PIECE_BYTES) {
      const bytes = await read
      await written
      signal.throwIfAborted()
      ;[reading, writing] = [writing, reading]
      const piece = writing.subarray(0, bytes)
      written = writeAll(into, piece, position)
      // The next turn awaits it.
      written.catch(() => {})
      if (position + bytes < size) {
        read = file.read(reading, position + bytes)
        read.catch(() => {})
      }
      // Two threads read and write meanwhile.
      passed?.(piece)
    }
  } finally {
    // The caller closes the descriptor after this, and other copies use the buffers.
    await read.catch(() => {})
    await written.finally(() => {
      for (const buffer of [reading, writing]) if (spare.length < SPARE_BUFFERS) spare.push(buffer)
    })
  }
}

function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
}
