import { isDyadError } from '@dyad-ts/core'
import { sendReply } from './frames.js'
import type { CompactReply, MapReply } from './messages.js'

/** What a session needs of its link. */
export interface SessionLink {
  readonly unsentBytes: number
  post(bytes: Uint8Array, length: number): void
  /** Resolves when everything posted has been taken, or the link is closed. */
  drained(): Promise<void>
}

/** What a session says to its client, until the link is closed. */
export class Answers {
  readonly #post: (bytes: Uint8Array, length: number) => void
  #isClosed = false

  constructor(link: SessionLink) {
    this.#post = (bytes, length) => link.post(bytes, length)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Says no more. */
  close(): void {
    this.#isClosed = true
  }

  send(reply: MapReply | CompactReply): void {
    if (!this.#isClosed) sendReply(reply, this.#post)
  }

  /** Says why a request fails. */
  refuse(id: number, error: Error): void {
    this.send(
      isDyadError(error)
        ? { op: 'error', id, code: error.code, detail: error.detail ?? '' }
        : { op: 'error', id, code: 'ERR_DYAD_SYSTEM', detail: error.message },
    )
  }
}
