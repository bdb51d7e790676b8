import { DyadError, type Transfer } from '@dyad/core'
import { broken } from '../owner-error.js'

/** What a transfer needs to know and to tell. */
export interface TransferContext {
  readonly path: string
  /** Bytes that will come. */
  readonly size: number
  /** Longest chunk allowed, in bytes. */
  readonly chunk: number
  /** Chunks that may be under way or queued. */
  readonly window: number
  readonly signal: AbortSignal | undefined
  /** Lets the owner send so many chunks more. */
  grant(chunks: number): void
  /** Called once, when this side is done with the transfer: whether the owner is done with it too. */
  finished(ownerDone: boolean): void
}

/** One transfer at the side that reads: a queue no longer than its window. */
export class RpcTransfer implements Transfer {
  readonly size: number
  /** Settles when the owner has opened the file, or not. */
  readonly opened: Promise<void>
  readonly #context: TransferContext
  readonly #queue: Uint8Array[] = []
  readonly #aborted: () => void
  #settleOpened!: { resolve: () => void; reject: (reason: unknown) => void }
  #wake: (() => void) | undefined
  #credit: number
  #consumed = 0
  #received = 0
  #isOpen = false
  #handedOver = false
  #ownerDone = false
  #finished = false
  #failure: { readonly reason: unknown } | undefined

  constructor(context: TransferContext) {
    this.#context = context
    this.size = context.size
    this.#credit = context.window
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject }
    })
    this.#aborted = () => this.fail(context.signal?.reason)
    context.signal?.addEventListener('abort', this.#aborted, { once: true })
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.#finish()
        return { done: true, value: undefined }
      },
    }
  }

  async close(): Promise<void> {
    this.fail(new DyadError('ERR_DYAD_CLOSED', { path: this.#context.path }))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The owner has opened the file. Like the next two it throws ERR_DYAD_PROTOCOL when it comes out of turn. */
  open(): void {
    if (this.#isOpen) throw broken('opened twice')
    this.#isOpen = true
    this.#settleOpened.resolve()
  }

  /** The owner sent a chunk. */
  data(chunk: Uint8Array): void {
    if (this.#finished) return
    if (!this.#isOpen || this.#credit === 0) throw broken('data without credit')
    if (chunk.length > this.#context.chunk) throw broken('a chunk longer than asked for')
    if (this.#received + chunk.length > this.size) throw broken('more bytes than asked for')
    this.#credit--
    this.#received += chunk.length
    this.#queue.push(chunk)
    this.#wake?.()
  }

  /** The owner sent everything and found the file unchanged. */
  end(): void {
    if (!this.#finished && (!this.#isOpen || this.#received !== this.size)) throw broken('the transfer ended early')
    this.#ownerDone = true
    this.#wake?.()
  }

  /** The owner ended the transfer, or will never answer. */
  failAtOwner(reason: unknown): void {
    this.#ownerDone = true
    this.fail(reason)
  }

  /** Ends the transfer; whoever waits for it gets `reason`. */
  fail(reason: unknown): void {
    if (this.#finished) return
    this.#failure = { reason }
    this.#finish()
    this.#settleOpened.reject(reason)
    // Without a reader nobody listens; that is no unhandled rejection.
    this.opened.catch(() => {})
    this.#wake?.()
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#giveBack()
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#finished) return { done: true, value: undefined }
      const chunk = this.#take()
      if (chunk !== undefined) {
        this.#handedOver = true
        return { done: false, value: chunk }
      }
      if (this.#ownerDone) {
        this.#finish()
        continue
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  /** The last chunk stays here until the owner has verified the file. */
  #take(): Uint8Array | undefined {
    const isLast = this.#queue.length === 1 && this.#received === this.size
    return isLast && !this.#ownerDone ? undefined : this.#queue.shift()
  }

  /** Returns the credit of the chunk that the reader is done with; in halves of the window, to send fewer frames. */
  #giveBack(): void {
    if (!this.#handedOver) return
    this.#handedOver = false
    this.#consumed++
    if (this.#finished || this.#received === this.size) return
    if (this.#consumed * 2 < this.#context.window) return
    this.#context.grant(this.#consumed)
    this.#credit += this.#consumed
    this.#consumed = 0
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#queue.length = 0
    this.#context.signal?.removeEventListener('abort', this.#aborted)
    this.#context.finished(this.#ownerDone)
  }
}
