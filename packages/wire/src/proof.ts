import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Bytes of a nonce, and of a proof. */
export const NONCE_BYTES = 32
export const PROOF_BYTES = 32

/**
 * The end of a connection that proves itself. A proof of one end is worth nothing as that of the
 * other.
 */
export type Role = 'client' | 'server'

/** What both ends of a connection know of it. */
export interface Handshake {
  /** The token; without one both ends prove that they have none. */
  readonly token: string | undefined
  /**
   * What the listener serves, such as its address, as both ends know it. A proof is worth nothing
   * elsewhere.
   */
  readonly audience: string
  /** What each end drew for this connection alone, {@link NONCE_BYTES} each. */
  readonly clientNonce: Uint8Array
  readonly serverNonce: Uint8Array
}

/** Draws a nonce. */
export function makeNonce(): Buffer {
  return randomBytes(NONCE_BYTES)
}

/** A proof that the end in `role` knows the token: an HMAC-SHA-256 of {@link PROOF_BYTES}. */
export function proofOf(role: Role, { token, audience, clientNonce, serverNonce }: Handshake): Buffer {
  return createHmac('sha256', token ?? '')
    .update(`DYAD handshake 1\n${role}\n${Buffer.byteLength(audience)}\n${audience}`)
    .update(clientNonce)
    .update(serverNonce)
    .digest()
}

/** Whether `proof` is that of the end in `role`. The comparison takes constant time. */
export function proves(proof: Uint8Array, role: Role, handshake: Handshake): boolean {
  return proof.length === PROOF_BYTES && timingSafeEqual(proof, proofOf(role, handshake))
}
