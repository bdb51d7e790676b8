import { Buffer } from 'node:buffer'
import type { FileVersion } from '@dyad-ts/core'
import { broken, readInteger, readText, writeInteger } from '@dyad-ts/core/internal'
import { NONCE_BYTES, PROOF_BYTES } from '@dyad-ts/wire'

// All numbers are big endian. With the messages of the connection manager go:
//
//   client: 'DYADRDM2', its nonce (32)
//   owner:  'DYADRDM2', its nonce (32), its proof that it knows the token (32); or, if it
//           rejects the connection, 'DYADRDM2' and a code
//
// Messages; each begins with its kind (1) and the number of the transfer (4):
//
//   client: proof     that it knows the token (32); the first message, of transfer 0, and the
//                     only one of its kind
//           fetch     size (8), mtimeNs (8), start (8), end (8), length of storage (2),
//                     length of path (2), storage, path, grants
//           grant     grants; each names memory that the owner may write once: address (8),
//                     key (4), length (4)
//           stop      the client ends the transfer
//   owner:  data      all bytes of a short file, which is verified
//           verified  the file is verified, all of whose bytes are written
//           error     code, LF, detail; the owner writes no more
//           stopped   the owner writes no more
//
// The owner writes longer files into the grants, in their order. The last write into each carries
// the number of the transfer as its immediate. The highest bit is set if the file is whole and
// verified. If the device reads straight from the pages of a file, the owner verifies the file
// afterwards, and sends `verified`.

/** A request with all its fields. */
export interface FetchFrame extends FileVersion {
  readonly start: number
  readonly end: number
}

/** Memory that the owner may write. */
export interface Grant {
  readonly address: number
  readonly rkey: number
  readonly length: number
}

export type Message =
  | { readonly kind: 'proof'; readonly id: number; readonly proof: Buffer }
  | { readonly kind: 'fetch'; readonly id: number; readonly request: FetchFrame; readonly grants: readonly Grant[] }
  | { readonly kind: 'grant'; readonly id: number; readonly grants: readonly Grant[] }
  | { readonly kind: 'stop' | 'stopped' | 'verified'; readonly id: number }
  | { readonly kind: 'data'; readonly id: number; readonly bytes: Buffer }
  | { readonly kind: 'error'; readonly id: number; readonly code: string; readonly detail: string }

const MAGIC = Buffer.from('DYADRDM2', 'latin1')
const HEAD_BYTES = 5
const FETCH_BYTES = HEAD_BYTES + 36
const GRANT_BYTES = 16
/** Longest storage or path in UTF-8 bytes. */
const MAX_TEXT_BYTES = 4096
/** Most grants in one message. */
export const MAX_GRANTS = 16
/** Longest message, in bytes. */
export const MAX_MESSAGE_BYTES = FETCH_BYTES + 2 * MAX_TEXT_BYTES + MAX_GRANTS * GRANT_BYTES
const FETCH = 1
const GRANT = 2
const STOP = 3
const DATA = 4
const ERROR = 5
const STOPPED = 6
const VERIFIED = 7
const PROOF = 8
/** Bit of an immediate: the file is whole and verified. */
export const LAST = 0x8000_0000
/** Bound of the numbers of transfers, which are below it. */
export const MAX_ID = 0x8000_0000

/** Returns the private data of a client that asks for a connection. */
export function helloOf(nonce: Buffer): Buffer {
  return Buffer.concat([MAGIC, nonce])
}

/** Returns the nonce in a hello, or undefined for anything else. */
export function readHello(bytes: Buffer): Buffer | undefined {
  if (bytes.length < MAGIC.length + NONCE_BYTES || !isOurs(bytes)) return undefined
  return bytes.subarray(MAGIC.length, MAGIC.length + NONCE_BYTES)
}

/** Returns the private data of an owner that accepts a connection. */
export function welcomeOf(nonce: Buffer, proof: Buffer): Buffer {
  return Buffer.concat([MAGIC, nonce, proof])
}

/** Returns nonce and proof of a welcome, or undefined for anything else. */
export function readWelcome(bytes: Buffer): { readonly nonce: Buffer; readonly proof: Buffer } | undefined {
  const proofAt = MAGIC.length + NONCE_BYTES
  if (bytes.length < proofAt + PROOF_BYTES || !isOurs(bytes)) return undefined
  return { nonce: bytes.subarray(MAGIC.length, proofAt), proof: bytes.subarray(proofAt, proofAt + PROOF_BYTES) }
}

function isOurs(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

/** Returns the private data of an owner that rejects a connection. */
export function rejectionOf(code: string): Buffer {
  return Buffer.concat([MAGIC, Buffer.from(code, 'latin1')])
}

/** Returns the code of a rejection, or undefined unless an owner of this transport rejects. */
export function readRejection(bytes: Buffer): string | undefined {
  if (!isOurs(bytes)) return undefined
  const end = bytes.indexOf(0, MAGIC.length)
  return bytes.toString('latin1', MAGIC.length, end < 0 ? bytes.length : end)
}

/** Returns the message of a request. ERR_DYAD_PROTOCOL for a path or a time that does not fit. */
export function fetchFrame(id: number, request: FetchFrame, grants: readonly Grant[]): Buffer {
  const { storage, path, size, mtimeNs, start, end } = request
  const storageBytes = Buffer.byteLength(storage)
  const pathBytes = Buffer.byteLength(path)
  if (storageBytes > MAX_TEXT_BYTES || pathBytes > MAX_TEXT_BYTES) throw broken('a path too long for a request')
  if (BigInt.asIntN(64, mtimeNs) !== mtimeNs) throw broken('a time beyond 64 bits')
  const textEnd = FETCH_BYTES + storageBytes + pathBytes
  const bytes = headed(FETCH, id, textEnd + grants.length * GRANT_BYTES)
  writeInteger(bytes, size, 5)
  bytes.writeBigInt64BE(mtimeNs, 13)
  writeInteger(bytes, start, 21)
  writeInteger(bytes, end, 29)
  bytes.writeUInt16BE(storageBytes, 37)
  bytes.writeUInt16BE(pathBytes, 39)
  bytes.write(storage, FETCH_BYTES, 'utf8')
  bytes.write(path, FETCH_BYTES + storageBytes, 'utf8')
  writeGrants(bytes, textEnd, grants)
  return bytes
}

export function grantFrame(id: number, grants: readonly Grant[]): Buffer {
  const bytes = headed(GRANT, id, HEAD_BYTES + grants.length * GRANT_BYTES)
  writeGrants(bytes, HEAD_BYTES, grants)
  return bytes
}

export function proofFrame(proof: Buffer): Buffer {
  const bytes = headed(PROOF, 0, HEAD_BYTES + PROOF_BYTES)
  proof.copy(bytes, HEAD_BYTES)
  return bytes
}

export function stopFrame(id: number): Buffer {
  return headed(STOP, id, HEAD_BYTES)
}

export function stoppedFrame(id: number): Buffer {
  return headed(STOPPED, id, HEAD_BYTES)
}

export function verifiedFrame(id: number): Buffer {
  return headed(VERIFIED, id, HEAD_BYTES)
}

/** Returns a message with room for `length` bytes of a file, and that room. */
export function dataFrame(id: number, length: number): { readonly message: Buffer; readonly room: Buffer } {
  const message = headed(DATA, id, HEAD_BYTES + length)
  return { message, room: message.subarray(HEAD_BYTES) }
}

/** Returns the number of bytes of a file that a message of `messageBytes` bytes carries. */
export function dataRoom(messageBytes: number): number {
  return messageBytes - HEAD_BYTES
}

export function errorFrame(id: number, { code, detail }: { code: string; detail: string }): Buffer {
  const text = Buffer.from(`${code}\n${detail}`)
  const bytes = headed(ERROR, id, HEAD_BYTES + text.length)
  text.copy(bytes, HEAD_BYTES)
  return bytes
}

/**
 * Reads a message whose length is within MAX_MESSAGE_BYTES. Data is a view into it.
 * ERR_DYAD_PROTOCOL unless every field is within its bounds.
 */
export function readMessage(bytes: Buffer): Message {
  if (bytes.length < HEAD_BYTES) throw broken('a message without a head')
  const id = bytes.readUInt32BE(1)
  if (id >= MAX_ID) throw broken('a transfer of that number')
  switch (bytes[0]) {
    case FETCH:
      return readFetch(id, bytes)
    case GRANT:
      return { kind: 'grant', id, grants: readGrants(bytes, HEAD_BYTES) }
    case STOP:
    case STOPPED:
    case VERIFIED:
      if (bytes.length !== HEAD_BYTES) throw broken('a message too long for its kind')
      return { kind: bytes[0] === STOP ? 'stop' : bytes[0] === STOPPED ? 'stopped' : 'verified', id }
    case PROOF:
      if (bytes.length !== HEAD_BYTES + PROOF_BYTES) throw broken('a proof of another length')
      return { kind: 'proof', id, proof: bytes.subarray(HEAD_BYTES) }
    case DATA:
      return { kind: 'data', id, bytes: bytes.subarray(HEAD_BYTES) }
    case ERROR: {
      const text = readText(bytes.subarray(HEAD_BYTES))
      const end = text.indexOf('\n')
      if (end < 0) throw broken('an error without a code')
      return { kind: 'error', id, code: text.slice(0, end), detail: text.slice(end + 1) }
    }
    default:
      throw broken('an unknown message')
  }
}

function readFetch(id: number, bytes: Buffer): Message {
  if (bytes.length < FETCH_BYTES) throw broken('a fetch without its fields')
  const storageEnd = FETCH_BYTES + bytes.readUInt16BE(37)
  const pathEnd = storageEnd + bytes.readUInt16BE(39)
  if (pathEnd > bytes.length) throw broken('a text out of bounds')
  const request: FetchFrame = {
    size: readInteger(bytes, 5),
    mtimeNs: bytes.readBigInt64BE(13),
    start: readInteger(bytes, 21),
    end: readInteger(bytes, 29),
    storage: readText(bytes.subarray(FETCH_BYTES, storageEnd)),
    path: readText(bytes.subarray(storageEnd, pathEnd)),
  }
  return { kind: 'fetch', id, request, grants: readGrants(bytes, pathEnd) }
}

function headed(kind: number, id: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  bytes[0] = kind
  bytes.writeUInt32BE(id, 1)
  return bytes
}

function writeGrants(bytes: Buffer, start: number, grants: readonly Grant[]): void {
  let at = start
  for (const { address, rkey, length } of grants) {
    writeInteger(bytes, address, at)
    bytes.writeUInt32BE(rkey, at + 8)
    bytes.writeUInt32BE(length, at + 12)
    at += GRANT_BYTES
  }
}

function readGrants(bytes: Buffer, start: number): Grant[] {
  const count = (bytes.length - start) / GRANT_BYTES
  if (!Number.isInteger(count) || count > MAX_GRANTS) throw broken('grants out of bounds')
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * GRANT_BYTES
    const length = bytes.readUInt32BE(at + 12)
    if (length === 0) throw broken('a grant of nothing')
    return { address: readInteger(bytes, at), rkey: bytes.readUInt32BE(at + 8), length }
  })
}
