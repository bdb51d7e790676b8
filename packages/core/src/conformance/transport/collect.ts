import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict'
import { type ErrorCode, isDyadError } from '../../errors.js'
import { MAX_CHUNK_BYTES, type Transfer } from '../../transfer/contract.js'
import { content } from './content.js'

/** Reads a transfer to its end and compares every byte with what `seed` puts from `start` on. */
export async function expectContent(transfer: Transfer, seed: number, start: number, length: number): Promise<void> {
  strictEqual(transfer.size, length, 'size')
  let received = 0
  for await (const chunk of transfer) {
    received += expectChunk(chunk, seed, start + received)
    ok(received <= length, 'more bytes than asked for')
  }
  strictEqual(received, length, 'bytes received')
}

/** Compares one chunk; tells its length. */
export function expectChunk(chunk: Uint8Array, seed: number, position: number): number {
  ok(chunk.length > 0 && chunk.length <= MAX_CHUNK_BYTES, `a chunk of ${chunk.length} bytes`)
  const wanted = content(seed, position, chunk.length)
  ok(Buffer.compare(chunk, wanted) === 0, `wrong bytes in the ${chunk.length} from ${position} on`)
  return chunk.length
}

/** Takes the next chunk, which must be there. */
export async function take(chunks: AsyncIterator<Uint8Array, undefined>): Promise<Uint8Array> {
  const { value, done } = await chunks.next()
  ok(!done, 'ended early')
  return value
}

/** How a transfer ended: the bytes received, and the error if it failed. */
export interface Outcome {
  readonly bytes: Buffer
  readonly error?: unknown
}

/** Reads what is left, whatever happens. */
export async function drain(chunks: AsyncIterator<Uint8Array, undefined>, before: Uint8Array[]): Promise<Outcome> {
  const parts = [...before]
  try {
    for (;;) {
      const { value, done } = await chunks.next()
      if (done) return { bytes: Buffer.concat(parts) }
      parts.push(Buffer.from(value))
    }
  } catch (error) {
    return { bytes: Buffer.concat(parts), error }
  }
}

/**
 * The outcome must be the whole of the old version, or an error of one of these codes with bytes
 * missing.
 */
export function expectWholeOr(outcome: Outcome, seed: number, size: number, codes: readonly ErrorCode[]): void {
  if (!('error' in outcome)) {
    strictEqual(outcome.bytes.length, size, 'ended without an error, but short')
    ok(outcome.bytes.equals(content(seed, 0, size)), 'the bytes are not those of the version asked for')
    return
  }
  expectCode(outcome.error, codes)
  ok(outcome.bytes.length < size, 'all bytes were handed over before the error')
}

export async function expectRejection(work: Promise<unknown>, codes: readonly ErrorCode[]): Promise<void> {
  await rejects(work, (error) => {
    expectCode(error, codes)
    return true
  })
}

/** The very reason of an abort, not a copy. */
export async function expectReason(work: Promise<unknown>, reason: unknown): Promise<void> {
  await rejects(work, (error) => {
    strictEqual(error, reason, 'rejected with something else than the reason of the abort')
    return true
  })
}

function expectCode(error: unknown, codes: readonly ErrorCode[]): void {
  if (!isDyadError(error)) throw error
  if (!codes.includes(error.code)) deepStrictEqual(error.code, codes.join(' or '), error.message)
}
