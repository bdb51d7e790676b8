import type { MemoryWindow } from '../verbs/memory.js'
import type { SendRequest, Span } from '../verbs/queue-pair.js'
import type { Link } from './link.js'

/**
 * A window that is open to the peer of one link: to the bytes of one span, from its bind to its
 * withdrawal, or to the end of the link.
 */
export class OpenWindow {
  readonly rkey: number
  readonly #link: Link
  readonly #window: MemoryWindow
  readonly #bind: SendRequest
  #isBound = false
  #withdrawn: Promise<void> | undefined

  constructor(link: Link, span: Span, access: number) {
    this.#link = link
    this.#window = link.adapter.takeWindow()
    this.rkey = this.#window.nextKey()
    this.#bind = { op: 'bind', window: this.#window, rkey: this.rkey, span, access }
    link.windows.add(this.#window)
  }

  /** What opens it, for whoever posts it now. */
  open(): SendRequest {
    this.#isBound = true
    return this.#bind
  }

  /**
   * Resolves when the peer can reach the span no more: the device has closed the window, or the
   * link is gone.
   */
  withdraw(): Promise<void> {
    this.#withdrawn ??= new Promise((resolve) => {
      const done = (status: number) => {
        // A link that is gone has given up its windows.
        if (status === 0 && this.#link.windows.delete(this.#window)) this.#link.adapter.giveWindow(this.#window)
        resolve()
      }
      if (this.#isBound) {
        this.#link.post([{ op: 'invalidate', rkey: this.rkey }], { done })
        return
      }
      // Of no more use, since its next key is no longer the one that the device expects; and the
      // kernel's rxe does not survive the invalidation of a window that is not bound.
      if (this.#link.windows.delete(this.#window)) this.#window[Symbol.dispose]()
      resolve()
    })
    return this.#withdrawn
  }
}
