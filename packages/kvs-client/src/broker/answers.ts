import { isDyadError } from '@dyad-ts/core'
import { sendReply } from './frames.js'
import type { CompactReply, MapReply } from './messages.js'

/** The part of its link that a session uses. */
export interface SessionLink {
  readonly unsentBytes: number
  post(bytes: Uint8Array, length: number): void
  /** Resolves when everything posted was taken, or when the link is closed. */
  drained(): Promise<void>
}

/** Sends a session's answers to its client, until the link is closed. */
export class Answers {
  readonly #post: (bytes: Uint8Array, length: number) => void
  #isClosed = false

  constructor(link: SessionLink) {
    this.#post = (bytes, length) => link.post(bytes, length)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sends no more. */
  close(): void {
    this.#isClosed = true
  }

  send(reply: MapReply | CompactReply): void {
    if (!this.#isClosed) sendReply(reply, this.#post)
  }

  /** Answers a request with an error. */
  refuse(id: number, error: Error): void {
    this.send(
      isDyadError(error)
        ? { op: 'error', id, code: error.code, detail: error.detail ?? '' }
        : { op: 'error', id, code: 'ERR_DYAD_SYSTEM', detail: error.message },
    )
  }
}
