import type { IncomingHttpHeaders } from 'node:http'
import { NONCE_BYTES, PROOF_BYTES } from './proof.js'

// The handshake of a link. The client sends a nonce in a header of its upgrade. The listener
// answers with a nonce and its proof, in headers of the 101. The client checks that proof, and
// sends its own as the first message, in one write with what follows.

const NONCE_HEADER = 'dyad-nonce'
const PROOF_HEADER = 'dyad-proof'

/** Size of the frame of a client's proof, in bytes: header, mask, proof. */
export const PROOF_FRAME_BYTES = 2 + 4 + PROOF_BYTES
const FIN_BINARY = 0x82
const MASKED = 0x80

/** Returns the headers that a client adds to its upgrade. */
export function clientHeaders(nonce: Buffer): Record<string, string> {
  return { [NONCE_HEADER]: nonce.toString('base64url') }
}

/** Returns the header lines that a listener adds to its answer. */
export function serverHeaders(nonce: Buffer, proof: Buffer): string[] {
  return [`${NONCE_HEADER}: ${nonce.toString('base64url')}`, `${PROOF_HEADER}: ${proof.toString('base64url')}`]
}

/** Returns the nonce in the headers of a peer, or undefined if they have none. */
export function nonceIn(headers: IncomingHttpHeaders): Buffer | undefined {
  return bytesOf(headers[NONCE_HEADER], NONCE_BYTES)
}

/** Returns the proof in the headers of a listener, or undefined if they have none. */
export function proofIn(headers: IncomingHttpHeaders): Buffer | undefined {
  return bytesOf(headers[PROOF_HEADER], PROOF_BYTES)
}

/** Returns the proof in a frame of {@link PROOF_FRAME_BYTES}, or undefined if it has none. */
export function proofInFrame(frame: Buffer): Buffer | undefined {
  if (frame[0] !== FIN_BINARY || frame[1] !== (MASKED | PROOF_BYTES)) return undefined
  const mask = frame.subarray(2, 6)
  return Buffer.from(frame.subarray(6, PROOF_FRAME_BYTES).map((byte, i) => byte ^ (mask[i & 3] as number)))
}

function bytesOf(header: string | string[] | undefined, length: number): Buffer | undefined {
  if (typeof header !== 'string' || !/^[\w-]{43}$/.test(header)) return undefined
  const bytes = Buffer.from(header, 'base64url')
  return bytes.length === length ? bytes : undefined
}
