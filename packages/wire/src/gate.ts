import type { Socket } from 'node:net'
import { descriptorLimit } from '@dyad-ts/core/internal'

/** Time that a peer has to prove itself, in ms. */
export const PATIENCE_MS = 10_000
/** Time that a refused peer has to hang up, in ms. */
const LINGER_MS = 1_000
/**
 * Bounds of the connections that wait to be admitted: a part of the descriptors, and a number.
 * Clients that start together come in hundreds at once.
 */
const WAITING_PART = 4
const MAX_WAITING = 512

/** Options of {@link Gate}. */
export interface GateOptions {
  /** Time that a connection may wait to be admitted, in ms. */
  readonly patienceMs: number
  /** Connections that may wait at once. @default a quarter of the descriptors, 512 at most */
  readonly maxWaiting?: number | undefined
}

/**
 * Keeps the connections of a listener. A connection ends after a time unless the listener admits
 * it, whatever its peer does. If too many wait, the oldest of them ends, so that they keep out
 * neither admitted connections nor new ones.
 */
export class Gate {
  readonly #patienceMs: number
  readonly #maxWaiting: number
  /** Oldest first. */
  readonly #waiting = new Map<Socket, NodeJS.Timeout>()
  readonly #admitted = new Set<Socket>()

  constructor({ patienceMs, maxWaiting }: GateOptions) {
    this.#patienceMs = patienceMs
    this.#maxWaiting = maxWaiting ?? Math.max(1, Math.min(MAX_WAITING, Math.floor(descriptorLimit() / WAITING_PART)))
  }

  /** Number of admitted connections that are open. */
  get admitted(): number {
    return this.#admitted.size
  }

  /** Adds a new connection, which waits to be admitted. Destroys it on an error. */
  enter(socket: Socket): void {
    const oldest = this.#waiting.size < this.#maxWaiting ? undefined : this.#waiting.keys().next().value
    oldest?.destroy()
    if (oldest !== undefined) this.#forget(oldest)
    this.#endIn(socket, this.#patienceMs)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#forget(socket))
  }

  /** Lets a connection last, since its peer has proved itself. */
  admit(socket: Socket): void {
    if (!this.#waiting.has(socket)) return
    this.#forget(socket)
    this.#admitted.add(socket)
  }

  /**
   * Sends `answer` to a peer that is not admitted, and hangs up. Drops what the peer still sends.
   */
  refuse(socket: Socket, answer: Uint8Array | string): void {
    if (!this.#waiting.has(socket)) return
    // Unread bytes would make the system send a reset, which would overtake the refusal.
    socket.removeAllListeners('data')
    socket.resume()
    socket.end(answer)
    this.#endIn(socket, LINGER_MS)
  }

  /**
   * Ends waiting connections at once, and admitted ones after `graceMs` ms unless they end before.
   */
  close(graceMs = 0): void {
    for (const socket of this.#waiting.keys()) socket.destroy()
    const end = () => {
      for (const socket of this.#admitted) socket.destroy()
    }
    if (graceMs > 0) setTimeout(end, graceMs).unref()
    else end()
  }

  #endIn(socket: Socket, ms: number): void {
    clearTimeout(this.#waiting.get(socket))
    this.#waiting.set(socket, setTimeout(() => socket.destroy(), ms).unref())
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket))
    this.#waiting.delete(socket)
    this.#admitted.delete(socket)
  }
}
