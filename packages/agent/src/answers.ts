import { type ErrorCode, type FileRecord, isDyadError } from '@dyad-ts/core'
import { errnoOf } from '@dyad-ts/core/internal'
import { ANSWER, LENGTH_BYTES } from './frames.js'

/** Longest code and message of a failure, in bytes. */
const MOST_CODE_BYTES = 255
const MOST_MESSAGE_BYTES = 4_096
/** Offset of the body of an answer. */
const BODY = LENGTH_BYTES + 5

/** Returns an answer without a body: DONE or ABSENT. */
export function plainAnswer(kind: number, id: number): Buffer {
  return begun(kind, id, 0)
}

/** Returns the answer RECORD. */
export function recordAnswer(id: number, { size, mtimeNs, mode }: FileRecord): Buffer {
  const frame = begun(ANSWER.RECORD, id, 20)
  frame.writeBigUInt64LE(BigInt(size), BODY)
  frame.writeBigInt64LE(BigInt.asIntN(64, mtimeNs), BODY + 8)
  frame.writeUInt32LE(mode, BODY + 16)
  return frame
}

/** Returns the answer REPORTED, with JSON. */
export function reportedAnswer(id: number, what: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(what))
  const frame = begun(ANSWER.REPORTED, id, json.length)
  json.copy(frame, BODY)
  return frame
}

/** Returns the answer FAILED: the errno of this host, the code and the message. */
export function failedAnswer(id: number, error: unknown): Buffer {
  const code = cut(codeOf(error), MOST_CODE_BYTES)
  const message = cut(messageOf(error), MOST_MESSAGE_BYTES)
  const frame = begun(ANSWER.FAILED, id, 4 + 2 + code.length + 2 + message.length)
  let at = frame.writeUInt32LE(errnoOf(error), BODY)
  for (const text of [code, message]) {
    at = frame.writeUInt16LE(text.length, at)
    at += text.copy(frame, at)
  }
  return frame
}

/** Returns the code of the table of errors. */
export function codeOf(error: unknown): ErrorCode {
  return isDyadError(error) ? error.code : 'ERR_DYAD_SYSTEM'
}

/** Returns the message for a person. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function begun(kind: number, id: number, bodyBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(BODY + bodyBytes)
  frame.writeUInt32LE(BODY - LENGTH_BYTES + bodyBytes, 0)
  frame[LENGTH_BYTES] = kind
  frame.writeUInt32LE(id, LENGTH_BYTES + 1)
  return frame
}

/** Returns the bytes of as many whole characters as fit. */
function cut(text: string, most: number): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return bytes
  let end = most
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
