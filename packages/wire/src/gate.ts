import type { Socket } from 'node:net'
import { descriptorLimit } from '@dyad-ts/core/internal'

/** How long a peer may take to prove itself, in ms. */
export const PATIENCE_MS = 10_000
/** How long a peer may take to hang up after it was refused, in ms. */
const LINGER_MS = 1_000
/**
 * Connections that wait to be admitted: this part of the descriptors, and at most so many. Clients
 * that start together come in hundreds at once.
 */
const WAITING_PART = 4
const MAX_WAITING = 512

/** Options of {@link Gate}. */
export interface GateOptions {
  /** How long a connection may go without being admitted, in ms. */
  readonly patienceMs: number
  /** Connections that may wait at once. @default a quarter of the descriptors, 512 at most */
  readonly maxWaiting?: number | undefined
}

/**
 * Keeps the connections of a listener. Each ends on the clock unless the listener admits it first,
 * whatever its peer does. Where too many wait, the oldest of them ends, so that they crowd out
 * neither the admitted ones nor newcomers.
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

  /** Connections that were admitted and are open. */
  get admitted(): number {
    return this.#admitted.size
  }

  /** Takes in a new connection, and ends it if it fails. */
  enter(socket: Socket): void {
    const oldest = this.#waiting.size < this.#maxWaiting ? undefined : this.#waiting.keys().next().value
    oldest?.destroy()
    if (oldest !== undefined) this.#forget(oldest)
    this.#endIn(socket, this.#patienceMs)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#forget(socket))
  }

  /** The peer has proved itself: its connection may last. */
  admit(socket: Socket): void {
    if (!this.#waiting.has(socket)) return
    this.#forget(socket)
    this.#admitted.add(socket)
  }

  /**
   * Sends `answer` to a peer that is not admitted, and hangs up. Drops whatever the peer still
   * sends.
   */
  refuse(socket: Socket, answer: Uint8Array | string): void {
    if (!this.#waiting.has(socket)) return
    // What the peer still sends is read and dropped: a reset would overtake the refusal.
    socket.removeAllListeners('data')
    socket.resume()
    socket.end(answer)
    this.#endIn(socket, LINGER_MS)
  }

  /**
   * Ends waiting connections at once, and admitted ones after `graceMs` unless they end by
   * themselves.
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
