import { damaged } from './damaged.js'
import { type Operations, replayBatch } from './log-batch.js'
import { BATCH_HEADER_BYTES, FILE_HEADER_BYTES } from './log-frame.js'
import { LogReader } from './log-reader.js'

/** The end of the whole batches of a log file, and the length of the file. */
export interface Replayed {
  /** Place of the first batch. */
  readonly begin: number
  readonly end: number
  readonly size: number
  /** Whether the last operation of the last batch changes a record; in a base it does not. */
  readonly endsInChange: boolean
}

/**
 * Replays a log file up to the end of its last whole batch. ERR_DYAD_LOG if it has no header, if it
 * holds unknown operations, or if whole batches follow a broken one: that is damage, not an
 * unfinished write.
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
 * Replays a base and returns its length. ERR_DYAD_LOG if it is incomplete: a base gets its name
 * once it is complete.
 */
export function replayBase(path: string, into: Operations): number {
  using reader = new LogReader(path)
  const { begin, end, size, endsInChange } = replay(reader, into)
  if (end < size) throw damaged(path, `is damaged at byte ${end}`)
  if (end === begin || endsInChange) throw damaged(path, `ends at byte ${end}, and more belongs there`)
  return size
}

/**
 * Replays the readable batches of a log file, and returns the number of unreadable bytes.
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
