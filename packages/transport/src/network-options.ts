/** Options of the transports that connect over the network. */
export interface NetworkOptions {
  /** Shared secret that both sides have. Needed to bind beyond loopback. @default none */
  token?: string | undefined
  /** PEM certificate and key of the server; with them it speaks TLS only. @default none */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined
  /** PEM certificates that the client trusts beside the system's. @default the system's alone */
  ca?: string | Buffer | undefined
  /** Address or name to bind. @default '127.0.0.1' */
  host?: string | undefined
  /** Port to bind; 0 takes any. @default 0 */
  port?: number | undefined
  /** Host name or address under which other nodes reach this one. @default the address bound */
  advertise?: string | undefined
  /** Milliseconds that a connection without a transfer is kept for the next. @default 30000 */
  idleMs?: number | undefined
}

/** Default of `idleMs`. */
export const IDLE_MS = 30_000
/** Default of `chunkBytes`. */
export const CHUNK_BYTES: number = 512 * 1024
