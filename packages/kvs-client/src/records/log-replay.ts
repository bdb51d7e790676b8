import { damaged } from './damaged.js'
import { type Operations, replayBatch } from './log-batch.js'
import { BATCH_HEADER_BYTES, FILE_HEADER_BYTES } from './log-frame.js'
import { LogReader } from './log-reader.js'

/** Where the whole batches of a log file end, and how long it is. */
export interface Replayed {
  /** Where the first batch begins. */
  readonly begin: number
  readonly end: number
  readonly size: number
  /** Whether the last batch changes a record last; that of a base does not. */
  readonly endsInChange: boolean
}

/**
 * Replays a log file up to the end of its last whole batch. ERR_DYAD_LOG if it has no header, if it
 * holds what this version does not know, or if whole batches follow behind the first that is not:
 * that is damage, and no write that did not finish.
 */
export function replay(reader: LogReader, into: Operations): Replayed {
  const { path, fault, size } = reader
  if (fault !== undefined) throw damaged(path, fault)
  let end = FILE_HEADER_BYTES
  let endsInChange = false
  for (let body = reader.body(end); body !== undefined; body = reader.body(end)) {
    const next = endOf(end, body)
    endsInChange = apply(body, into, path, end)
    end = next
  }
  const next = end < size ? reader.find(end + 1) : undefined
  if (next !== undefined) throw damaged(path, `is damaged at byte ${end}, and what follows from byte ${next} on is not`)
  return { begin: FILE_HEADER_BYTES, end, size, endsInChange }
}

/**
 * Replays a base; returns its length. ERR_DYAD_LOG if it is not all there: it got its name when it
 * was complete.
 */
export function replayBase(path: string, into: Operations): number {
  using reader = new LogReader(path)
  const { begin, end, size, endsInChange } = replay(reader, into)
  if (end < size) throw damaged(path, `is damaged at byte ${end}`)
  if (end === begin || endsInChange) throw damaged(path, `ends at byte ${end}, and more belongs there`)
  return size
}

/**
 * Replays what can be read of a log file, batch by batch; returns how many bytes cannot.
 * ERR_DYAD_LOG if it is of another version.
 */
export function replayReadable(reader: LogReader, into: Operations): number {
  if (reader.fault !== undefined && !reader.guessMark()) {
    if (reader.isOtherVersion) throw damaged(reader.path, reader.fault)
    return reader.size
  }
  let unread = reader.fault === undefined ? 0 : FILE_HEADER_BYTES
  for (let at = FILE_HEADER_BYTES; at < reader.size; ) {
    const body = reader.body(at)
    if (body === undefined) {
      const next = reader.find(at + 1) ?? reader.size
      unread += next - at
      at = next
      continue
    }
    const next = endOf(at, body)
    try {
      replayBatch(body, into)
    } catch {
      unread += next - at
    }
    at = next
  }
  return unread
}

function endOf(at: number, body: Buffer): number {
  return at + BATCH_HEADER_BYTES + body.length
}

function apply(body: Buffer, into: Operations, path: string, at: number): boolean {
  try {
    return replayBatch(body, into)
  } catch (cause) {
    throw damaged(path, `holds at byte ${at} what this version cannot read`, cause)
  }
}
