import { Buffer } from 'node:buffer'
import { DyadError } from '@dyad-ts/core'
import { broken } from '@dyad-ts/core/internal'
import { type Handshake, proofOf, proves } from '@dyad-ts/wire'
import type { CmEvent, CmId } from '../verbs/connection-manager.js'
import type { Adapter } from './adapter.js'
import { readMessage, welcomeOf } from './frames.js'
import { Link, type LinkHandlers } from './link.js'
import type { Served } from './served.js'
import { ServedTransfer } from './served-transfer.js'

/** Time that an accepted client has to prove that it knows the token, in ms. */
const PATIENCE_MS = 10_000
/** Most transfers of one client at once. */
const MAX_TRANSFERS = 1024

/** Handlers of the events of a connection. */
export interface ConnectionEvents {
  /** The client has proved itself. ERR_DYAD_TRANSFER if there is no room for it. */
  known(): void
  /** The connection is over. Called once. */
  gone(connection: ServedConnection): void
}

/**
 * The owner's end of a connection. It serves nothing before the client has proved that it knows the
 * token.
 */
export class ServedConnection implements LinkHandlers {
  readonly #served: Served
  readonly #events: ConnectionEvents
  readonly #handshake: Handshake
  readonly #link: Link
  readonly #transfers = new Map<number, ServedTransfer>()
  readonly #deadline: NodeJS.Timeout
  #isKnown = false

  /**
   * Accepts the connection of `id`, and owns `id` from then on. VerbError; `id` may then be gone,
   * or be the caller's still.
   */
  constructor(id: CmId, adapter: Adapter, served: Served, handshake: Handshake, events: ConnectionEvents) {
    this.#served = served
    this.#handshake = handshake
    this.#events = events
    this.#link = new Link(adapter, id, this)
    this.#deadline = setTimeout(() => this.close(), PATIENCE_MS).unref()
    try {
      id.accept(welcomeOf(Buffer.from(handshake.serverNonce), proofOf('server', handshake)))
    } catch (error) {
      clearTimeout(this.#deadline)
      this.#link.close()
      throw error
    }
  }

  /** Whether the client has proved that it knows the token. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Whether it serves no transfer. */
  get isIdle(): boolean {
    return this.#transfers.size === 0
  }

  get isWaiting(): boolean {
    return !this.isIdle
  }

  /** Ends the connection and its transfers. */
  close(): void {
    this.#link.close()
    this.lost()
  }

  /** Resolves once the connection has no file open. */
  async drained(): Promise<void> {
    await Promise.all([...this.#transfers.values()].map(({ ended }) => ended))
  }

  message(bytes: Buffer): void {
    const message = readMessage(bytes)
    if (!this.#isKnown) {
      if (message.kind !== 'proof' || !proves(message.proof, 'client', this.#handshake)) {
        throw new DyadError('ERR_DYAD_DENIED')
      }
      clearTimeout(this.#deadline)
      this.#events.known()
      this.#isKnown = true
      return
    }
    const transfer = this.#transfers.get(message.id)
    switch (message.kind) {
      case 'fetch': {
        if (transfer !== undefined) throw broken('a transfer of that number is under way')
        if (this.#transfers.size >= MAX_TRANSFERS) throw broken('too many transfers at once')
        const { id, request, grants } = message
        const begun = new ServedTransfer(id, request, grants, this.#link, this.#served)
        this.#transfers.set(id, begun)
        void begun.ended.then(() => this.#transfers.delete(id))
        this.#link.watch()
        break
      }
      // The client may not know yet that the transfer has ended here.
      case 'grant':
        transfer?.grant(message.grants)
        break
      case 'stop':
        transfer?.stop()
        break
      default:
        throw broken(`a client sends ${message.kind}`)
    }
  }

  written(): void {
    throw broken('a client writes')
  }

  lost(): void {
    clearTimeout(this.#deadline)
    for (const transfer of this.#transfers.values()) transfer.stop()
    this.#events.gone(this)
  }

  /** Ignores further events, which say nothing of the client. */
  told(_event: CmEvent): void {}
}
