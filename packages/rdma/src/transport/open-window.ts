import type { MemoryWindow } from '../verbs/memory.js'
import type { SendRequest, Span } from '../verbs/queue-pair.js'
import type { Link } from './link.js'

/** A window that is open to the peer of one link: to the bytes of one span, from its bind to its withdrawal, or to the end of the link. */
export class OpenWindow {
  /** What opens it. */
  readonly bind: SendRequest
  readonly rkey: number
  readonly #link: Link
  readonly #window: MemoryWindow

  constructor(link: Link, span: Span, access: number) {
    this.#link = link
    this.#window = link.adapter.takeWindow()
    this.rkey = this.#window.nextKey()
    this.bind = { op: 'bind', window: this.#window, rkey: this.rkey, span, access }
    link.windows.add(this.#window)
  }

  /** Resolves when the peer can reach the span no more: the device has closed the window, or the link is gone. Once, after the bind was posted. */
  withdraw(): Promise<void> {
    return new Promise((resolve) => {
      const done = (status: number) => {
        // A link that is gone has given up its windows.
        if (status === 0 && this.#link.windows.delete(this.#window)) this.#link.adapter.giveWindow(this.#window)
        resolve()
      }
      this.#link.post([{ op: 'invalidate', rkey: this.rkey }], { done })
    })
  }
}
