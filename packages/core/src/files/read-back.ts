import { read } from 'node:fs'
import { promisify } from 'node:util'

/** Read at a time, in bytes. */
const PIECE_BYTES = 1024 * 1024
/** Buffers kept for the next file: new memory of this size is hundreds of page faults. */
const SPARE_BUFFERS = 4
const spare: Buffer[] = []

const readPiece = promisify(read)

/**
 * Reads a file from byte `from` to `end`, through the thread pool, and passes it on piece by piece,
 * up to the end of the file at most. A piece is valid until `pass` returns.
 */
export async function readBack(
  fd: number,
  from: number,
  end: number,
  pass: (bytes: Uint8Array) => void,
): Promise<void> {
  if (from >= end) return
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
  try {
    for (let at = from; at < end; ) {
      const { bytesRead } = await readPiece(fd, buffer, 0, Math.min(buffer.length, end - at), at)
      if (bytesRead === 0) return
      pass(buffer.subarray(0, bytesRead))
      at += bytesRead
    }
  } finally {
    if (spare.length < SPARE_BUFFERS) spare.push(buffer)
  }
}
