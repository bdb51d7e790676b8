import { setMaxListeners } from 'node:events'
import { DyadError, isDyadError, type Transfer } from '@dyad-ts/core'
import { errorOf } from '@dyad-ts/core/internal'
import type { Receiver } from './connection.js'
import { requestOf, type TcpRequest } from './frames.js'
import type { Lease, Pool } from './pool.js'

/** What a transfer needs to know and to tell. */
export interface TransferContext {
  readonly url: string
  readonly request: TcpRequest
  readonly pool: Pool
  readonly signal: AbortSignal | undefined
  /** Called once, when this side is done with it. */
  finished(transfer: TcpTransfer): void
}

/**
 * What came of asking over a connection: it was lost before the owner answered, or the owner has no
 * room for it.
 */
type Answer = 'opened' | 'lost' | 'refused'

/**
 * One transfer at the side that reads: holds a connection of its own from its request to its end.
 */
export class TcpTransfer implements Transfer, Receiver {
  readonly size: number
  readonly #context: TransferContext
  readonly #aborted = () => this.fail(this.#context.signal?.reason)
  #lease: Lease | undefined
  /** Ends what the transfer waits for, other than its connection. */
  #stop: AbortController | undefined
  #settleOpened: { resolve: (answer: Answer) => void; reject: (reason: unknown) => void } | undefined
  #chunk: Uint8Array | undefined
  #handedOver = false
  /** Bytes that have come. */
  #received = 0
  #ownerDone = false
  #finished = false
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(context: TransferContext) {
    const { signal, request } = context
    this.#context = context
    this.size = request.end - request.start
    if (signal === undefined) return
    // One signal may well end thousands of transfers.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', this.#aborted, { once: true })
  }

  /**
   * Resolves when the owner has opened the file. A connection that had been used before and turns
   * out dead is replaced.
   */
  async open(): Promise<void> {
    try {
      const bytes = requestOf(this.#context.request)
      let lease = this.#context.pool.take(this.#context.url) ?? (await this.#acquire(false))
      for (;;) {
        const answer = await this.#ask(lease, bytes)
        if (answer === 'opened') return
        if (answer === 'lost' && !lease.connection.isUsed) {
          throw this.#interrupted('the owner hung up instead of an answer')
        }
        lease = await this.#acquire(answer === 'lost')
      }
    } catch (error) {
      this.fail(error)
      throw this.#failure?.reason
    }
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
    this.fail(new DyadError('ERR_DYAD_CLOSED', { path: this.#context.request.path }))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  opened(): void {
    this.#settleOpened?.resolve('opened')
    this.#settleOpened = undefined
  }

  chunk(bytes: Uint8Array): void {
    this.#chunk = bytes
    this.#received += bytes.length
    this.#wake?.()
  }

  verified(): void {
    this.#ownerDone = true
    this.#wake?.()
  }

  failed(code: string, detail: string): void {
    const lease = this.#lease
    if (code === 'ERR_DYAD_TRANSFER' && this.#settleOpened !== undefined && lease?.connection.isUsed === false) {
      // No room for one more connection: this side's others have theirs, and one of them will be
      // free.
      this.#lease = undefined
      lease.refused()
      this.#settleOpened.resolve('refused')
      this.#settleOpened = undefined
      return
    }
    this.#ownerDone = true
    this.fail(errorOf(code, detail, this.#context.request.path))
  }

  lost(reason: Error | undefined): void {
    if (isDyadError(reason)) {
      this.fail(reason)
    } else if (this.#settleOpened !== undefined) {
      this.#lease?.release()
      this.#lease = undefined
      this.#settleOpened.resolve('lost')
      this.#settleOpened = undefined
    } else if (reason === undefined) {
      void this.#askWhy()
    } else {
      this.fail(this.#interrupted(undefined, reason))
    }
  }

  /** Ends the transfer; whoever waits for it gets `reason`. */
  fail(reason: unknown): void {
    if (this.#finished) return
    this.#failure = { reason }
    this.#finish()
    this.#stop?.abort(reason)
    this.#settleOpened?.reject(reason)
    this.#wake?.()
  }

  async #acquire(fresh: boolean): Promise<Lease> {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    if (this.#failure !== undefined) throw this.#failure.reason
    const lease = await this.#context.pool.acquire(this.#context.url, fresh, signal)
    if (!signal.aborted) return lease
    lease.release()
    throw signal.reason
  }

  /**
   * Resolves when the owner has opened the file, or will not over this connection. Rejects when it
   * refuses the file.
   */
  #ask(lease: Lease, bytes: Buffer): Promise<Answer> {
    this.#lease = lease
    return new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject }
      lease.connection.begin(bytes, this)
    })
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#handedOver) {
      this.#handedOver = false
      this.#lease?.connection.release()
    }
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#finished) return { done: true, value: undefined }
      if (this.#chunk !== undefined) {
        const value = this.#chunk
        this.#chunk = undefined
        this.#handedOver = true
        return { done: false, value }
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

  /**
   * An owner that cannot go on ends the connection where it is. Asked again for what is missing, it
   * says why.
   */
  async #askWhy(): Promise<void> {
    this.#lease?.release()
    this.#lease = undefined
    this.#stop = new AbortController()
    const { request } = this.#context
    const again = new TcpTransfer({
      ...this.#context,
      request: { ...request, start: request.start + this.#received },
      signal: this.#stop.signal,
      finished: () => {},
    })
    try {
      await again.open()
      this.fail(this.#interrupted('the owner ended the connection'))
    } catch (error) {
      this.fail(isOfFile(error) ? error : this.#interrupted('the owner ended the connection', error))
    } finally {
      await again.close()
    }
  }

  #interrupted(detail: string | undefined, cause?: unknown): DyadError {
    return new DyadError('ERR_DYAD_TRANSFER', { path: this.#context.request.path, detail, cause })
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#chunk = undefined
    this.#context.signal?.removeEventListener('abort', this.#aborted)
    const lease = this.#lease
    this.#lease = undefined
    // Who gives up with a chunk in hand may still look at it: what it lies in is used no more.
    if (!this.#ownerDone || this.#handedOver) lease?.connection.destroy()
    else lease?.connection.release()
    lease?.release()
    this.#context.finished(this)
  }
}

/** Whether an error tells of the file, rather than of the way to it. */
function isOfFile(error: unknown): boolean {
  return (['ERR_DYAD_CHANGED', 'ERR_DYAD_GONE', 'ERR_DYAD_REFUSED', 'ERR_DYAD_SYSTEM'] as const).some((code) =>
    isDyadError(error, code),
  )
}
