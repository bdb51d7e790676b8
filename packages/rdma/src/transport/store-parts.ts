import { MAX_CHUNK_BYTES } from '@dyad-ts/core'
import { type IncomingTransfer, writeAll } from '@dyad-ts/core/internal'
import type { Part } from './landing.js'

/** The part of a transfer that {@link storeParts} uses. */
type PartSource = Pick<IncomingTransfer<Part, boolean>, 'next' | 'fail' | 'close'>

/**
 * Stores the bytes of a transfer in a file, from `start` on, unless they are there already. Yields
 * how many more are stored, at most a chunk at a time. If it fails, the transfer fails with the
 * same error. Closes the transfer before it returns.
 */
export async function* storeParts(transfer: PartSource, fd: number, start: number): AsyncGenerator<number, undefined> {
  let position = start
  try {
    for (let part = await transfer.next(); part !== undefined; part = await transfer.next()) {
      // A part has bytes if its place in the file was not known, or could not be mapped.
      if (part.bytes !== undefined) await writeAll(fd, part.bytes, position)
      position += part.length
      for (let left = part.length; left > 0; left -= MAX_CHUNK_BYTES) yield Math.min(left, MAX_CHUNK_BYTES)
    }
  } catch (error) {
    transfer.fail(error)
    throw error
  } finally {
    await transfer.close()
  }
}
