import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Sizes of a nonce and of a proof, in bytes. */
export const NONCE_BYTES = 32
export const PROOF_BYTES = 32

/**
 * The end of a connection that proves itself. The proof of one end is no proof of the other.
 */
export type Role = 'client' | 'server'

/** The facts of a connection that both ends know. */
export interface Handshake {
  /** The token. Without one, both ends prove that they have none. */
  readonly token: string | undefined
  /**
   * Name of what the listener serves, such as its address, as both ends know it. A proof counts for
   * one audience.
   */
  readonly audience: string
  /** Random bytes of each end for this connection alone, {@link NONCE_BYTES} each. */
  readonly clientNonce: Uint8Array
  readonly serverNonce: Uint8Array
}

/** Returns a new nonce. */
export function makeNonce(): Buffer {
  return randomBytes(NONCE_BYTES)
}

/** Returns a proof that the end in `role` knows the token: an HMAC-SHA-256. */
export function proofOf(role: Role, { token, audience, clientNonce, serverNonce }: Handshake): Buffer {
  return createHmac('sha256', token ?? '')
    .update(`DYAD handshake 1\n${role}\n${Buffer.byteLength(audience)}\n${audience}`)
    .update(clientNonce)
    .update(serverNonce)
    .digest()
}

/** Returns true if `proof` is that of the end in `role`. Compares in constant time. */
export function proves(proof: Uint8Array, role: Role, handshake: Handshake): boolean {
  return proof.length === PROOF_BYTES && timingSafeEqual(proof, proofOf(role, handshake))
}
