import { DyadError, type Transfer } from '@dyad-ts/core'
import { broken } from '@dyad-ts/core/internal'
import type { ReceiveBuffers } from './receive-buffers.js'

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
  readonly buffers: ReceiveBuffers
  /** Lets the owner send so many chunks more. */
  grant(chunks: number): void
  /**
   * Called once, when this side is done with the transfer: whether the owner is done with it too.
   */
  finished(ownerDone: boolean): void
}

/** A piece of a chunk, or a whole one. */
interface Piece {
  readonly bytes: Uint8Array
  /** The memory that its chunk lies in, where the chunk ends with it. */
  readonly done: Buffer | undefined
}

/** One transfer at the side that reads: a queue no longer than its window. */
export class RpcTransfer implements Transfer {
  readonly size: number
  /** Settles when the owner has opened the file, or not. */
  readonly opened: Promise<void>
  readonly #context: TransferContext
  readonly #queue: Piece[] = []
  readonly #aborted: () => void
  #settleOpened!: { resolve: () => void; reject: (reason: unknown) => void }
  #wake: (() => void) | undefined
  #credit: number
  #consumed = 0
  #received = 0
  #isOpen = false
  /** Where the chunk goes that is coming, and how much of it has come. */
  #filling: Buffer | undefined
  #filled = 0
  /** The memory of the chunk of which the reader has the last piece in hand. */
  #inHand: Buffer | undefined
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

  /**
   * The owner has opened the file. Like the next two it throws ERR_DYAD_PROTOCOL when it comes out
   * of turn.
   */
  open(): void {
    if (this.#isOpen) throw broken('opened twice')
    this.#isOpen = true
    this.#settleOpened.resolve()
  }

  /** The owner sends a chunk of so many bytes. */
  expect(length: number): void {
    if (this.#finished) return
    if (!this.#isOpen || this.#credit === 0) throw broken('data without credit')
    if (length > this.#context.chunk) throw broken('a chunk longer than asked for')
    if (this.#received + length > this.size) throw broken('more bytes than asked for')
    this.#credit--
    this.#filling = this.#context.buffers.take(Math.min(this.#context.chunk, this.size))
    this.#filled = 0
  }

  /**
   * The next piece of the chunk that is expected, `left` bytes of which are still to come; it is
   * copied.
   */
  data(bytes: Uint8Array, left: number): void {
    if (this.#finished || this.#filling === undefined) return
    this.#filling.set(bytes, this.#filled)
    const piece = this.#filling.subarray(this.#filled, this.#filled + bytes.length)
    this.#filled += bytes.length
    this.#received += bytes.length
    this.#queue.push({ bytes: piece, done: left === 0 ? this.#filling : undefined })
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
      const piece = this.#take()
      if (piece !== undefined) {
        this.#inHand = piece.done
        return { done: false, value: piece.bytes }
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

  /** The last piece stays here until the owner has verified the file. */
  #take(): Piece | undefined {
    const isLast = this.#queue.length === 1 && this.#received === this.size
    return isLast && !this.#ownerDone ? undefined : this.#queue.shift()
  }

  /**
   * Returns the credit of the chunk that the reader is done with; in halves of the window, to send
   * fewer frames.
   */
  #giveBack(): void {
    if (this.#inHand === undefined) return
    this.#context.buffers.give(this.#inHand)
    this.#inHand = undefined
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
    this.#filling = undefined
    this.#context.signal?.removeEventListener('abort', this.#aborted)
    this.#context.finished(this.#ownerDone)
  }
}
