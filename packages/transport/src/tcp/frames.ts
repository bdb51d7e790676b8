import type { FileVersion } from '@dyad-ts/core'
import { broken, readInteger, readText, writeInteger } from '@dyad-ts/core/internal'
import { NONCE_BYTES, PROOF_BYTES } from '@dyad-ts/wire'

// All numbers are big endian.
//
//   server: greeting, once:  'DYADTCP2', its nonce (32), as soon as the client has connected
//   client: hello, once:     'DYADTCP2', its nonce (32), its proof that it knows the token (32);
//                            goes with the first request
//   server: welcome, once:   4, 32 (2), its proof; before the first reply
//           request:         length of the rest (2), size (8), mtimeNs (8), start (8), end (8),
//                            length of storage (2), storage, path
//   server: opened:          1, 8 (2), bytes that follow (8); then those bytes of the file
//           verified:        2, 0 (2); everything was sent, and the file is unchanged
//           error:           3, length of the rest (2), code, LF, detail; instead of welcome, of
//                            opened, or of verified
//
// Between opened and the end of the reply there is nothing but the file. A server that fails midway
// ends the connection. It answers with the error when the client asks again for the missing bytes.

/** A request with all its fields. */
export interface TcpRequest extends FileVersion {
  readonly start: number
  readonly end: number
}

/** A message of a server, other than the bytes of a file. */
export type Reply =
  | { readonly kind: 'welcome'; readonly proof: Buffer }
  | { readonly kind: 'opened'; readonly length: number }
  | { readonly kind: 'verified' }
  | { readonly kind: 'error'; readonly code: string; readonly detail: string }

const MAGIC = Buffer.from('DYADTCP2', 'latin1')
export const GREETING_BYTES = MAGIC.length + NONCE_BYTES
export const HELLO_BYTES = GREETING_BYTES + PROOF_BYTES
/** Size of the head of a request, which has its length; in bytes. */
export const REQUEST_HEAD_BYTES = 2
const FIELDS_BYTES = 34
/** Longest storage or path in UTF-8 bytes. */
const MAX_TEXT_BYTES = 4096
/** Longest request without its head. */
export const MAX_REQUEST_BYTES = FIELDS_BYTES + 2 * MAX_TEXT_BYTES
/** Size of the head of a reply, which has its kind and length; in bytes. */
export const REPLY_HEAD_BYTES = 3
export const OPENED_BYTES = REPLY_HEAD_BYTES + 8
export const VERIFIED_BYTES = REPLY_HEAD_BYTES
/** Longest reply without its head: a code, a line feed and 1,024 characters. */
const MAX_REPLY_BYTES = 8 * 1024
const OPENED = 1
const VERIFIED = 2
const ERROR = 3
const WELCOME = 4

/** Returns a server's first message. */
export function greetingOf(nonce: Buffer): Buffer {
  return Buffer.concat([MAGIC, nonce])
}

/**
 * Returns a copy of the nonce in the greeting with which `bytes` begin, or undefined if its end has
 * not come yet. ERR_DYAD_PROTOCOL for anything else.
 */
export function readGreeting(bytes: Buffer): Buffer | undefined {
  checkMagic(bytes, 'no greeting')
  return bytes.length < GREETING_BYTES ? undefined : Buffer.from(bytes.subarray(MAGIC.length, GREETING_BYTES))
}

/** Returns a client's first message. */
export function helloOf(nonce: Uint8Array, proof: Uint8Array): Buffer {
  return Buffer.concat([MAGIC, nonce, proof])
}

/**
 * Returns nonce and proof of the hello with which `bytes` begin, or undefined if its end has not
 * come yet. ERR_DYAD_PROTOCOL for anything else.
 */
export function readHello(bytes: Buffer): { readonly nonce: Buffer; readonly proof: Buffer } | undefined {
  checkMagic(bytes, 'no hello')
  if (bytes.length < HELLO_BYTES) return undefined
  return { nonce: bytes.subarray(MAGIC.length, GREETING_BYTES), proof: bytes.subarray(GREETING_BYTES, HELLO_BYTES) }
}

/** Checks the bytes of the magic that have come. */
function checkMagic(bytes: Buffer, otherwise: string): void {
  const begun = bytes.subarray(0, MAGIC.length)
  if (!begun.equals(MAGIC.subarray(0, begun.length))) throw broken(otherwise)
}

/** Returns the bytes of a request. ERR_DYAD_PROTOCOL for a path or a time that does not fit. */
export function requestOf({ storage, path, size, mtimeNs, start, end }: TcpRequest): Buffer {
  const storageBytes = Buffer.byteLength(storage)
  const pathBytes = Buffer.byteLength(path)
  if (storageBytes > MAX_TEXT_BYTES || pathBytes > MAX_TEXT_BYTES) throw broken('a path too long for a request')
  if (BigInt.asIntN(64, mtimeNs) !== mtimeNs) throw broken('a time beyond 64 bits')
  const length = FIELDS_BYTES + storageBytes + pathBytes
  const bytes = Buffer.allocUnsafe(REQUEST_HEAD_BYTES + length)
  bytes.writeUInt16BE(length, 0)
  writeInteger(bytes, size, 2)
  bytes.writeBigInt64BE(mtimeNs, 10)
  writeInteger(bytes, start, 18)
  writeInteger(bytes, end, 26)
  bytes.writeUInt16BE(storageBytes, 34)
  bytes.write(storage, 36, 'utf8')
  bytes.write(path, 36 + storageBytes, 'utf8')
  return bytes
}

/** Returns the length of a request after its head. ERR_DYAD_PROTOCOL if it is out of bounds. */
export function requestLength(head: Buffer): number {
  const length = head.readUInt16BE(0)
  if (length < FIELDS_BYTES || length > MAX_REQUEST_BYTES) throw broken(`a request of ${length} bytes`)
  return length
}

/** Reads a request without its head. ERR_DYAD_PROTOCOL unless every field is within its bounds. */
export function readRequest(bytes: Buffer): TcpRequest {
  const storageBytes = bytes.readUInt16BE(32)
  const pathBytes = bytes.length - FIELDS_BYTES - storageBytes
  if (pathBytes < 0 || pathBytes > MAX_TEXT_BYTES || storageBytes > MAX_TEXT_BYTES) throw broken('a text out of bounds')
  const pathAt = FIELDS_BYTES + storageBytes
  return {
    size: readInteger(bytes, 0),
    mtimeNs: bytes.readBigInt64BE(8),
    start: readInteger(bytes, 16),
    end: readInteger(bytes, 24),
    storage: readText(bytes.subarray(FIELDS_BYTES, pathAt)),
    path: readText(bytes.subarray(pathAt)),
  }
}

/** Writes `opened` so that it ends at `end`. */
export function writeOpened(bytes: Buffer, end: number, length: number): void {
  const at = end - OPENED_BYTES
  bytes[at] = OPENED
  bytes.writeUInt16BE(8, at + 1)
  writeInteger(bytes, length, at + REPLY_HEAD_BYTES)
}

export function writeVerified(bytes: Buffer, at: number): void {
  bytes[at] = VERIFIED
  bytes.writeUInt16BE(0, at + 1)
}

export function welcomeOf(proof: Buffer): Buffer {
  return Buffer.concat([Buffer.from([WELCOME, 0, PROOF_BYTES]), proof])
}

export function errorReply({ code, detail }: { code: string; detail: string }): Buffer {
  const text = Buffer.from(`${code}\n${detail}`)
  const bytes = Buffer.allocUnsafe(REPLY_HEAD_BYTES + text.length)
  bytes[0] = ERROR
  bytes.writeUInt16BE(text.length, 1)
  text.copy(bytes, REPLY_HEAD_BYTES)
  return bytes
}

/** Returns the length of a reply after its head. ERR_DYAD_PROTOCOL unless it fits the kind. */
export function replyLength(bytes: Buffer, at: number): number {
  const kind = bytes[at]
  const length = bytes.readUInt16BE(at + 1)
  const fits =
    kind === OPENED
      ? length === 8
      : kind === VERIFIED
        ? length === 0
        : kind === WELCOME
          ? length === PROOF_BYTES
          : kind === ERROR && length <= MAX_REPLY_BYTES
  if (!fits) throw broken('an unknown reply')
  return length
}

/** Reads a whole reply with its head, whose length is checked. ERR_DYAD_PROTOCOL. */
export function readReply(bytes: Buffer): Reply {
  switch (bytes[0]) {
    case OPENED:
      return { kind: 'opened', length: readInteger(bytes, REPLY_HEAD_BYTES) }
    case VERIFIED:
      return { kind: 'verified' }
    case WELCOME:
      return { kind: 'welcome', proof: bytes.subarray(REPLY_HEAD_BYTES) }
    default: {
      const text = readText(bytes.subarray(REPLY_HEAD_BYTES))
      const end = text.indexOf('\n')
      if (end < 0) throw broken('an error without a code')
      return { kind: 'error', code: text.slice(0, end), detail: text.slice(end + 1) }
    }
  }
}
