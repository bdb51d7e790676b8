import { constants, fchmodSync, fstatSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import type { OpenedFile } from '@dyad-ts/core'
import { descriptorPath, writeAll } from '@dyad-ts/core/internal'

/** Read, and written, at a time; in bytes. */
const PIECE_BYTES = 1024 * 1024
/** Buffers kept for the next copy: new memory of this size is hundreds of page faults. */
const SPARE_BUFFERS = 8
const spare: Buffer[] = []

/**
 * Makes the open file `into` a clone where the file system can, and keeps its permissions. Returns
 * whether it did.
 */
export async function clone(from: string, into: number): Promise<boolean> {
  const { mode } = fstatSync(into)
  try {
    await copyFile(from, descriptorPath(into), constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    return false
  } finally {
    // Node has given it those of `from`, set-id bits too. The system runs no file that is open for
    // writing.
    fchmodSync(into, mode & 0o7777)
  }
}

/**
 * Copies `size` bytes, reading one piece while another is written. fs.copyFile is a quarter
 * quicker, but never ends if the file becomes shorter meanwhile; here that is ERR_DYAD_CHANGED.
 * Ends at the next piece when `signal` fires.
 * @param passed told of each piece, in order
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
      // Whoever waits for it comes a piece later.
      written.catch(() => {})
      if (position + bytes < size) {
        read = file.read(reading, position + bytes)
        read.catch(() => {})
      }
      // Two threads are at work meanwhile.
      passed?.(piece)
    }
  } finally {
    // The descriptor is closed after this, and the buffers are others'.
    await read.catch(() => {})
    await written.finally(() => {
      for (const buffer of [reading, writing]) if (spare.length < SPARE_BUFFERS) spare.push(buffer)
    })
  }
}

function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
}
