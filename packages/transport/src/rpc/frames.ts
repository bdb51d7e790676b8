import { type FetchRequest, MAX_CHUNK_BYTES } from '@dyad-ts/core'
import { broken } from '@dyad-ts/core/internal'
import { decode } from '@dyad-ts/wire'

/** Asks for one transfer. Its id is greater than every earlier one on the link. */
export interface FetchFrame {
  readonly op: 'fetch'
  readonly id: number
  readonly request: FetchRequest
  /** Longest chunk that the client takes, in bytes. */
  readonly chunk: number
  /** Chunks that the server may send before more credit comes. */
  readonly credit: number
}

/** A frame of a client. */
export type ClientFrame =
  | FetchFrame
  | { readonly op: 'credit'; readonly id: number; readonly chunks: number }
  | { readonly op: 'cancel'; readonly id: number }

/**
 * A frame of a server, other than data. `opened` comes first, and exactly one of `end` and `error`
 * last, also after a cancel.
 */
export type ServerFrame =
  | { readonly op: 'opened'; readonly id: number }
  | { readonly op: 'end'; readonly id: number }
  | { readonly op: 'error'; readonly id: number; readonly code: string; readonly detail: string }

/**
 * First byte of a data frame, which msgpack never uses. The transfer's id follows in four bytes,
 * big endian, then the bytes of the file.
 */
const DATA = 0xc1
/** Bytes before the data in a data frame. */
export const DATA_HEADER_BYTES = 5
/** Longest message from a client to a server. */
export const MAX_REQUEST_BYTES = 16 * 1024
/** Longest message from a server to a client. */
export const MAX_REPLY_BYTES = MAX_CHUNK_BYTES + DATA_HEADER_BYTES
/** Most chunks of credit that one transfer can have. */
export const MAX_CREDIT = 1024
/** Greatest id of a transfer. A link that has used it is replaced. */
export const MAX_ID = 2 ** 32 - 1
const MAX_TEXT = 4096
/** Most values in a frame, keys included: more than any frame has. */
const MAX_VALUES = 32

export function writeDataHeader(frame: Buffer, id: number): void {
  frame[0] = DATA
  frame.writeUInt32BE(id, 1)
}

/** Returns the transfer id of a data frame, or undefined for a control frame. */
export function dataId(bytes: Buffer): number | undefined {
  if (bytes[0] !== DATA) return undefined
  if (bytes.length <= DATA_HEADER_BYTES) throw broken('a data frame without data')
  return bytes.readUInt32BE(1)
}

/**
 * Reads a client's frame. ERR_DYAD_PROTOCOL unless every field is present, of its type and within
 * its bounds.
 */
export function readClientFrame(bytes: Buffer): ClientFrame {
  const fields = mapOf(bytes)
  const id = integer(fields, 'id', 0, MAX_ID)
  switch (fields.op) {
    case 'fetch':
      return {
        op: 'fetch',
        id,
        request: {
          storage: text(fields, 'storage'),
          path: text(fields, 'path'),
          size: integer(fields, 'size', 0, Number.MAX_SAFE_INTEGER),
          mtimeNs: bigint(fields, 'mtimeNs'),
          start: integer(fields, 'start', 0, Number.MAX_SAFE_INTEGER),
          end: integer(fields, 'end', 0, Number.MAX_SAFE_INTEGER),
        },
        chunk: integer(fields, 'chunk', 1, MAX_CHUNK_BYTES),
        credit: integer(fields, 'credit', 1, MAX_CREDIT),
      }
    case 'credit':
      return { op: 'credit', id, chunks: integer(fields, 'chunks', 1, MAX_CREDIT) }
    case 'cancel':
      return { op: 'cancel', id }
    default:
      throw broken('an unknown request')
  }
}

/** Reads a server's frame other than data, as strictly as {@link readClientFrame}. */
export function readServerFrame(bytes: Buffer): ServerFrame {
  const fields = mapOf(bytes)
  const id = integer(fields, 'id', 0, MAX_ID)
  switch (fields.op) {
    case 'opened':
    case 'end':
      return { op: fields.op, id }
    case 'error':
      return { op: 'error', id, code: text(fields, 'code'), detail: text(fields, 'detail') }
    default:
      throw broken('an unknown reply')
  }
}

/** Returns the message of a fetch. */
export function fetchMessage({ op, id, request, chunk, credit }: FetchFrame): Record<string, unknown> {
  const { storage, path, size, mtimeNs, start, end } = request
  return { op, id, storage, path, size, mtimeNs, start, end, chunk, credit }
}

function mapOf(bytes: Buffer): Record<string, unknown> {
  const value = decode(bytes, MAX_VALUES)
  if (value === null || typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw broken('no map')
  }
  return value as Record<string, unknown>
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || Buffer.byteLength(value) > MAX_TEXT) throw broken(`${name} is no text of fit length`)
  return value
}

function integer(fields: Record<string, unknown>, name: string, least: number, most: number): number {
  const field = fields[name]
  const value = typeof field === 'bigint' ? Number(field) : field
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw broken(`${name} is no integer from ${least} to ${most}`)
  }
  return value
}

function bigint(fields: Record<string, unknown>, name: string): bigint {
  const value = fields[name]
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw broken(`${name} is no integer`)
}
