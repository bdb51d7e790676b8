import type { MemoryWindow } from '../verbs/memory.js'
import type { SendRequest, Span } from '../verbs/queue-pair.js'
import type { Link } from './link.js'

/**
 * A window that opens the bytes of one span to the peer of one link, from its bind to its
 * withdrawal or the end of the link.
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

  /** Returns the request that opens the window. The caller posts it at once. */
  open(): SendRequest {
    this.#isBound = true
    return this.#bind
  }

  /**
   * Resolves once the peer cannot reach the span any more: the device has closed the window, or the
   * link is gone.
   */
  withdraw(): Promise<void> {
    this.#withdrawn ??= new Promise((resolve) => {
      const done = (status: number) => {
        // A link that is gone has disposed of its windows.
        if (status === 0 && this.#link.windows.delete(this.#window)) this.#link.adapter.giveWindow(this.#window)
        resolve()
      }
      if (this.#isBound) {
        this.#link.post([{ op: 'invalidate', rkey: this.rkey }], { done })
        return
      }
      // It cannot be used again, since the device does not expect its next key. And the kernel's
      // rxe does not survive the invalidation of an unbound window.
      if (this.#link.windows.delete(this.#window)) this.#window[Symbol.dispose]()
      resolve()
    })
    return this.#withdrawn
  }
}
