/**
 * Authenticated, bounded WebSocket links that carry msgpack frames, and the handshake and gate that
 * other listeners share with them.
 */
export { authority, type BindOptions, bind } from './bind.js'
export { type ConnectOptions, connect } from './connect.js'
export { decode, encode } from './frame.js'
export { Gate, type GateOptions, PATIENCE_MS } from './gate.js'
export type { Link, LinkHandlers } from './link.js'
export { type Listener, type ListenOptions, listen } from './listen.js'
export { type Handshake, makeNonce, NONCE_BYTES, PROOF_BYTES, proofOf, proves, type Role } from './proof.js'
export { orUntrusted } from './untrusted-certificate.js'
