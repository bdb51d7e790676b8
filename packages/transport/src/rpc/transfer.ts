import { broken, type IncomingOptions, IncomingTransfer } from '@dyad-ts/core/internal'
import type { ReceiveBuffers } from './receive-buffers.js'

/** Options of {@link RpcTransfer}. */
export interface TransferContext extends IncomingOptions {
  /** Longest chunk allowed, in bytes. */
  readonly chunk: number
  /** Chunks that may be under way or queued. */
  readonly window: number
  readonly buffers: ReceiveBuffers
  /** Lets the owner send `chunks` more chunks. */
  grant(chunks: number): void
  /** Ends the transfer at the owner. */
  cancel(): void
}

/** A piece of a chunk, or a whole one. */
interface Piece {
  readonly bytes: Uint8Array
  /** The memory of its chunk, if the chunk ends with this piece. */
  readonly done: Buffer | undefined
}

/** One transfer at the reading side: a queue no longer than its window. */
export class RpcTransfer extends IncomingTransfer<Piece, void> {
  readonly #context: TransferContext
  readonly #queue: Piece[] = []
  #credit: number
  #consumed = 0
  #received = 0
  #isOpen = false
  /** Buffer of the chunk that is arriving, and the bytes of it that have come. */
  #filling: Buffer | undefined
  #filled = 0

  constructor(context: TransferContext) {
    super(context)
    this.#context = context
    this.#credit = context.window
  }

  /** Asks for the file by `send`; resolves when the owner has opened it. */
  open(send: () => void): Promise<void> {
    return this.request(send)
  }

  /**
   * The owner has opened the file. Like `expect` and `end`, this throws ERR_DYAD_PROTOCOL out of
   * turn.
   */
  opened(): void {
    if (this.#isOpen) throw broken('opened twice')
    this.#isOpen = true
    this.answered()
  }

  /** The owner sends a chunk of `length` bytes. */
  expect(length: number): void {
    if (this.isFinished) return
    if (!this.#isOpen || this.#credit === 0) throw broken('data without credit')
    if (length > this.#context.chunk) throw broken('a chunk longer than asked for')
    if (this.#received + length > this.size) throw broken('more bytes than asked for')
    this.#credit--
    this.#filling = this.#context.buffers.take(Math.min(this.#context.chunk, this.size))
    this.#filled = 0
  }

  /** Copies the next piece of the expected chunk, `left` bytes of which are still to come. */
  data(bytes: Uint8Array, left: number): void {
    if (this.isFinished || this.#filling === undefined) return
    this.#filling.set(bytes, this.#filled)
    const piece = this.#filling.subarray(this.#filled, this.#filled + bytes.length)
    this.#filled += bytes.length
    this.#received += bytes.length
    this.#queue.push({ bytes: piece, done: left === 0 ? this.#filling : undefined })
    this.wake()
  }

  /** The owner has sent everything, and found the file unchanged. */
  end(): void {
    if (!this.isFinished && (!this.#isOpen || this.#received !== this.size)) throw broken('the transfer ended early')
    this.ownerDone = true
    this.wake()
  }

  /** The owner has ended the transfer, or will never answer. */
  failAtOwner(reason: unknown): void {
    this.ownerDone = true
    this.fail(reason)
  }

  /** Keeps the last piece until the owner has verified the file. */
  protected override take(): Piece | undefined {
    const isLast = this.#queue.length === 1 && this.#received === this.size
    return isLast && !this.ownerDone ? undefined : this.#queue.shift()
  }

  protected override bytesOf({ bytes }: Piece): Uint8Array {
    return bytes
  }

  /**
   * Gives credit back for each chunk that was read, in halves of the window, to send fewer frames.
   */
  protected override release({ done }: Piece): void {
    if (done === undefined) return
    this.#context.buffers.give(done)
    this.#consumed++
    if (this.isFinished || this.#received === this.size) return
    if (this.#consumed * 2 < this.#context.window) return
    this.#context.grant(this.#consumed)
    this.#credit += this.#consumed
    this.#consumed = 0
  }

  protected override finished(): void {
    this.#queue.length = 0
    this.#filling = undefined
    if (!this.ownerDone) this.#context.cancel()
  }
}
