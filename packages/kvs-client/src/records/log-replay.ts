import { DyadError } from '@dyad/core'
import { type Operations, replayBatch } from './log-batch.js'
import { BATCH_HEADER_BYTES, FILE_HEADER_BYTES } from './log-frame.js'
import type { LogReader } from './log-reader.js'

/** Where the whole batches of a log file end, and how long it is. */
export interface Replayed {
  /** Where the first batch begins. */
  readonly begin: number
  readonly end: number
  readonly size: number
}

/** The error of a log that cannot be replayed. */
export function damaged(path: string, what: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_LOG', { path, detail: what, cause })
}

/**
 * Replays a log file up to the end of its last whole batch. ERR_DYAD_LOG if it has no header, if it holds what this version does not know, or if whole
 * batches follow behind the first that is not: that is damage, and no write that did not finish.
 */
export function replay(reader: LogReader, into: Operations): Replayed {
  const { path, fault, size } = reader
  if (fault !== undefined) throw damaged(path, fault)
  let end = FILE_HEADER_BYTES
  for (let body = reader.body(end); body !== undefined; body = reader.body(end)) {
    const next = endOf(end, body)
    apply(body, into, path, end)
    end = next
  }
  const next = end < size ? reader.find(end + 1) : undefined
  if (next !== undefined) throw damaged(path, `is damaged at byte ${end}, and what follows from byte ${next} on is not`)
  return { begin: FILE_HEADER_BYTES, end, size }
}

/** Replays what can be read of a log file, batch by batch; `lost` is told how many bytes cannot. ERR_DYAD_LOG if it is of another version. */
export function replayReadable(reader: LogReader, into: Operations, lost: (bytes: number) => void): void {
  if (reader.fault !== undefined && !reader.guessMark()) {
    if (reader.isOtherVersion) throw damaged(reader.path, reader.fault)
    lost(reader.size)
    return
  }
  if (reader.fault !== undefined) lost(FILE_HEADER_BYTES)
  for (let at = FILE_HEADER_BYTES; at < reader.size; ) {
    const body = reader.body(at)
    if (body === undefined) {
      const next = reader.find(at + 1) ?? reader.size
      lost(next - at)
      at = next
      continue
    }
    const next = endOf(at, body)
    try {
      replayBatch(body, into)
    } catch {
      lost(next - at)
    }
    at = next
  }
}

function endOf(at: number, body: Buffer): number {
  return at + BATCH_HEADER_BYTES + body.length
}

function apply(body: Buffer, into: Operations, path: string, at: number): void {
  try {
    replayBatch(body, into)
  } catch (cause) {
    throw damaged(path, `holds at byte ${at} what this version cannot read`, cause)
  }
}
