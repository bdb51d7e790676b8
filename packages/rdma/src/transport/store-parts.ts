import { MAX_CHUNK_BYTES } from '@dyad-ts/core'
import { writeAll } from '@dyad-ts/core/internal'
import type { Part } from './landing.js'

/** A transfer that hands out its parts in order. */
export interface PartSource {
  /** Resolves with the next part, and with undefined after the last. */
  nextPart(): Promise<Part | undefined>
  /** Ends the transfer with this reason. */
  fail(reason: unknown): void
  close(): Promise<void>
}

/**
 * Puts what a transfer brings into a file, from `start` on, as far as it does not stand there
 * already, and tells of its bytes once they do, in steps of a chunk at most. Ends the transfer with
 * whatever ends it, and has it closed before it returns.
 */
export async function* storeParts(transfer: PartSource, fd: number, start: number): AsyncGenerator<number, undefined> {
  let position = start
  try {
    for (let part = await transfer.next(); part !== undefined; part = await transfer.next()) {
      // Bytes come along where their place in the file was not known, or could not be mapped.
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
