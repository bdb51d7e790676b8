import { isUtf8 } from 'node:buffer'
import { DyadError, MAX_KEY_BYTES, MAX_VALUE_BYTES } from '@dyad-ts/core'
import { copyPacked, MAX_PACKED_BYTES, type Packed, readStamp, STAMP_BYTES, writeStamp } from '../records/packed.js'
import type { CompactReply, CompactRequest, ReadReply, Space } from './messages.js'

/**
 * The layout of the most frequent frames. The first byte is the kind, below 0x80, where a msgpack
 * map never begins. Six bytes of id follow. In a request, the next fields are the length of the
 * namespace's name in one byte (0: the registry), the name, the length of the key in two bytes, and
 * the key. The rest is the value of a `put`, and empty in other requests. Numbers are
 * little-endian.
 */
const KINDS = ['', 'get', 'wait', 'put', 'delete', 'lease', 'wait-lease', 'cancel'] as const
const GET = 1
const PUT = 3
const WAIT_LEASE = 6
const CANCEL = 7
const ENTRY = 0x41
const LEASED = 0x42
const NONE = 0x43
const STORED = 0x44
const REVOKE = 0x45

const ID_BYTES = 6
/** Offset of the fields after kind and id. */
const BODY = 1 + ID_BYTES
const MAX_NAME_BYTES = 255
const HALF = 2 ** 32
const SCRATCH_BYTES = 16 * 1024
const HEAD_BYTES = BODY + 1 + MAX_NAME_BYTES + 2 + MAX_KEY_BYTES

const scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

/** Takes the first `length` bytes of a frame at once. The memory is reused for the next frame. */
export type Post = (bytes: Buffer, length: number) => void

/** Returns true if a frame has this layout. */
export function isCompact(bytes: Buffer): boolean {
  return bytes.length > 0 && (bytes[0] as number) < 0x80
}

/** Posts a checked request. */
export function postRequest(request: CompactRequest, post: Post): void {
  const { op, id } = request
  if (request.op === 'cancel') {
    scratch[0] = CANCEL
    writeId(scratch, id)
    post(scratch, BODY)
    return
  }
  const value = request.op === 'put' ? request.value : undefined
  const room = HEAD_BYTES + (value?.length ?? 0)
  const bytes = room <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafeSlow(room)
  bytes[0] = KINDS.indexOf(op)
  writeId(bytes, id)
  const name = request.space ?? ''
  bytes[BODY] = name.length
  let at = BODY + 1 + bytes.write(name, BODY + 1, 'latin1')
  const length = bytes.write(request.key, at + 2, 'utf8')
  bytes.writeUInt16LE(length, at)
  at += 2 + length
  if (value !== undefined) {
    bytes.set(value, at)
    at += value.length
  }
  post(bytes, at)
}

/** Posts a reply. */
export function postReply(reply: CompactReply, post: Post): void {
  let bytes = scratch
  let at = BODY
  switch (reply.op) {
    case 'entry':
    case 'leased':
      bytes = roomFor(reply.packed)
      bytes[0] = reply.op === 'entry' ? ENTRY : LEASED
      at = copyPacked(reply.packed, bytes, BODY)
      break
    case 'stored':
      bytes[0] = STORED
      at = writeStamp(bytes, BODY, reply.revision, reply.epoch)
      break
    case 'none':
      bytes[0] = NONE
      break
    case 'revoke':
      bytes[0] = REVOKE
  }
  writeId(bytes, reply.id)
  post(bytes, at)
}

function roomFor(packed: Packed): Buffer {
  const room = BODY + packed.length
  return room <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafeSlow(room)
}

/**
 * Reads a request and checks it field by field. A value is a view into `bytes`. ERR_DYAD_PROTOCOL.
 */
export function readRequest(bytes: Buffer): CompactRequest {
  const kind = bytes[0] as number
  const id = readId(bytes)
  if (kind === CANCEL) {
    if (bytes.length !== BODY) throw malformed('bytes after the frame')
    return { op: 'cancel', id }
  }
  if (kind < GET || kind > WAIT_LEASE) throw malformed('no such operation')
  const nameLength = at(bytes, BODY)
  const keyAt = BODY + 1 + nameLength + 2
  if (keyAt > bytes.length) throw malformed('ends early')
  const keyEnd = keyAt + bytes.readUInt16LE(keyAt - 2)
  if (keyEnd > bytes.length) throw malformed('ends early')
  const space = readSpace(bytes, nameLength)
  const key = bytes.toString('utf8', keyAt, keyEnd)
  if (key.includes('\ufffd') && !isUtf8(bytes.subarray(keyAt, keyEnd))) throw malformed('a key that is no text')
  if (kind === PUT) {
    if (bytes.length - keyEnd > MAX_VALUE_BYTES) throw malformed('the value is too long')
    return { op: 'put', id, space, key, value: bytes.subarray(keyEnd) }
  }
  if (keyEnd !== bytes.length) throw malformed('bytes after the frame')
  return { op: KINDS[kind] as 'get' | 'wait' | 'delete' | 'lease' | 'wait-lease', id, space, key }
}

/** Reads a reply and checks it field by field. ERR_DYAD_PROTOCOL. */
export function readReply(bytes: Buffer): ReadReply {
  const id = readId(bytes)
  const kind = bytes[0]
  switch (kind) {
    case ENTRY:
    case LEASED: {
      const length = bytes.length - BODY
      if (length < STAMP_BYTES || length > MAX_PACKED_BYTES) throw malformed('no such value')
      const value = bytes.subarray(BODY + STAMP_BYTES)
      return { op: kind === ENTRY ? 'entry' : 'leased', id, value, ...readSafeStamp(bytes) }
    }
    case STORED:
      if (bytes.length !== BODY + STAMP_BYTES) throw malformed('no such revision')
      return { op: 'stored', id, ...readSafeStamp(bytes) }
    case NONE:
    case REVOKE:
      if (bytes.length !== BODY) throw malformed('bytes after the frame')
      return { op: kind === NONE ? 'none' : 'revoke', id }
    default:
      throw malformed('no such operation')
  }
}

/** The name read last: most frames of a link have the same. */
let lastSpace = ''
let lastBytes = Buffer.alloc(0)

function readSpace(bytes: Buffer, length: number): Space {
  if (length === 0) return null
  const start = BODY + 1
  if (length !== lastBytes.length || !begins(bytes, start, lastBytes)) {
    lastBytes = Buffer.from(bytes.subarray(start, start + length))
    lastSpace = lastBytes.toString('latin1')
  }
  return lastSpace
}

function begins(bytes: Buffer, start: number, expected: Buffer): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false
  return true
}

function writeId(bytes: Buffer, id: number): void {
  bytes.writeUInt16LE(Math.floor(id / HALF), bytes.writeUInt32LE(id % HALF, 1))
}

function readId(bytes: Buffer): number {
  if (bytes.length < BODY) throw malformed('ends early')
  return bytes.readUInt32LE(1) + bytes.readUInt16LE(5) * HALF
}

function readSafeStamp(bytes: Buffer): { revision: number; epoch: string } {
  const stamp = readStamp(bytes, BODY)
  if (stamp.revision > Number.MAX_SAFE_INTEGER) throw malformed('no such revision')
  return stamp
}

function at(bytes: Buffer, index: number): number {
  const byte = bytes[index]
  if (byte === undefined) throw malformed('ends early')
  return byte
}

function malformed(detail: string): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail: `malformed frame: ${detail}` })
}
