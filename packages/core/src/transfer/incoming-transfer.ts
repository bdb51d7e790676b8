import { setMaxListeners } from 'node:events'
import { DyadError } from '../errors.js'
import type { Transfer } from './contract.js'

/** Options of {@link IncomingTransfer}. */
export interface IncomingOptions {
  /** Managed path, for errors. */
  readonly path: string
  /** Bytes that will arrive. */
  readonly size: number
  /** Fails the transfer with its reason. */
  readonly signal: AbortSignal | undefined
  /** Holds the transfer until this side is done with it. */
  readonly live: LiveTransfers
}

/** Transfers that this side is not done with. */
export type LiveTransfers = Set<{ fail(reason: unknown): void }>

/**
 * The outline of a transfer at the reading side. It hands out items in order as they arrive, until
 * the owner has sent everything, the reader stops, or the transfer fails. `Item` is the type of the
 * items, `Answer` that of the owner's answer to the request.
 */
export abstract class IncomingTransfer<Item, Answer> implements Transfer {
  readonly size: number
  protected readonly path: string
  /** Whether the owner sends nothing any more. */
  protected ownerDone = false
  readonly #signal: AbortSignal | undefined
  readonly #live: LiveTransfers
  readonly #aborted = () => this.fail(this.#signal?.reason)
  #request: { resolve: (answer: Answer) => void; reject: (reason: unknown) => void } | undefined
  #failing: AbortController | undefined
  #failure: { readonly reason: unknown } | undefined
  #finished = false
  #inHand: Item | undefined
  #wake: (() => void) | undefined

  constructor({ path, size, signal, live }: IncomingOptions) {
    this.path = path
    this.size = size
    this.#signal = signal
    this.#live = live
    live.add(this)
    if (signal === undefined) return
    // One signal may well end thousands of transfers.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', this.#aborted, { once: true })
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: async () => {
        const item = await this.next()
        return item === undefined ? { done: true, value: undefined } : { done: false, value: this.bytesOf(item) }
      },
      return: async () => {
        this.#finish()
        this.#drop()
        return { done: true, value: undefined }
      },
    }
  }

  /** Resolves with the next item, or with undefined after the last. */
  async next(): Promise<Item | undefined> {
    const read = this.#inHand
    this.#inHand = undefined
    if (read !== undefined) this.release(read)
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason
      const item = this.take()
      if (item !== undefined) {
        this.#inHand = item
        return item
      }
      if (this.ownerDone) this.#finish()
      if (this.#finished) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  async close(): Promise<void> {
    this.fail(new DyadError('ERR_DYAD_CLOSED', { path: this.path }))
    this.#drop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Ends the transfer: its reader and its request reject with `reason`. */
  fail(reason: unknown): void {
    if (this.#finished) return
    this.#failure = { reason }
    this.#finish()
    this.#failing?.abort(reason)
    const request = this.#request
    this.#request = undefined
    request?.reject(reason)
    this.wake()
  }

  /** Removes and returns the next item that the reader may have, if it has arrived. */
  protected abstract take(): Item | undefined
  protected abstract bytesOf(item: Item): Uint8Array
  /** The reader is done with an item. It is not called for the last one of a reader that stops. */
  protected abstract release(item: Item): void
  /** This side is done with the transfer. Called once, while the reader may hold an item. */
  protected abstract finished(): void
  /** The reader holds nothing any more. */
  protected dropped(): void {}

  /** Lets a waiting reader take what has arrived. */
  protected wake(): void {
    this.#wake?.()
  }

  /** Sends a request by `send`. Resolves with its answer, and rejects if the transfer fails. */
  protected request(send: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#request = { resolve, reject }
      send()
    })
  }

  /** Settles the request. Does nothing if there is none. */
  protected answered(answer: Answer): void {
    this.#request?.resolve(answer)
    this.#request = undefined
  }

  protected get awaitsAnswer(): boolean {
    return this.#request !== undefined
  }

  /** Fires when the transfer fails. */
  protected get failing(): AbortSignal {
    this.#failing ??= new AbortController()
    if (this.#failure !== undefined) this.#failing.abort(this.#failure.reason)
    return this.#failing.signal
  }

  protected get isFinished(): boolean {
    return this.#finished
  }

  /** Whether the reader holds an item. */
  protected get isInHand(): boolean {
    return this.#inHand !== undefined
  }

  /** The error of a transfer that was cut off. */
  protected interrupted(detail: string | undefined, cause?: unknown): DyadError {
    return new DyadError('ERR_DYAD_TRANSFER', { path: this.path, detail, cause })
  }

  #drop(): void {
    this.#inHand = undefined
    this.dropped()
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.finished()
    this.#live.delete(this)
  }
}
