import { isDyadError } from '@dyad-ts/core'
import { errorOf, IncomingTransfer, type LiveTransfers } from '@dyad-ts/core/internal'
import type { Receiver } from './connection.js'
import { requestOf, type TcpRequest } from './frames.js'
import type { Lease, Pool } from './pool.js'

/** Options of {@link TcpTransfer}. */
export interface TransferContext {
  readonly url: string
  readonly request: TcpRequest
  readonly pool: Pool
  readonly signal: AbortSignal | undefined
  readonly live: LiveTransfers
}

/**
 * The outcome of a request over a connection: `lost` if the connection broke before the owner
 * answered, `refused` if the owner has no room for it.
 */
type Answer = 'opened' | 'lost' | 'refused'

/**
 * One transfer at the reading side. It has a connection of its own from its request to its end.
 */
export class TcpTransfer extends IncomingTransfer<Uint8Array, Answer> implements Receiver {
  readonly #context: TransferContext
  #lease: Lease | undefined
  #chunk: Uint8Array | undefined
  /** Number of bytes that have come. */
  #received = 0

  constructor(context: TransferContext) {
    const { request, signal, live } = context
    super({ path: request.path, size: request.end - request.start, signal, live })
    this.#context = context
  }

  /**
   * Resolves once the owner has opened the file. Replaces a connection that was used before and
   * turns out dead.
   */
  async open(): Promise<void> {
    try {
      const bytes = requestOf(this.#context.request)
      let lease = this.#context.pool.take(this.#context.url) ?? (await this.#acquire(false))
      for (;;) {
        const answer = await this.#ask(lease, bytes)
        if (answer === 'opened') return
        if (answer === 'lost' && !lease.connection.isUsed) {
          throw this.interrupted('the owner hung up instead of an answer')
        }
        lease = await this.#acquire(answer === 'lost')
      }
    } catch (error) {
      this.fail(error)
      // It may have failed before.
      throw this.failing.reason
    }
  }

  opened(): void {
    this.answered('opened')
  }

  chunk(bytes: Uint8Array): void {
    this.#chunk = bytes
    this.#received += bytes.length
    this.wake()
  }

  verified(): void {
    this.ownerDone = true
    this.wake()
  }

  failed(code: string, detail: string): void {
    const lease = this.#lease
    if (code === 'ERR_DYAD_TRANSFER' && this.awaitsAnswer && lease?.connection.isUsed === false) {
      // The owner has no room for one more connection. This side has others, and one of them will
      // be free.
      this.#lease = undefined
      lease.refused()
      this.answered('refused')
      return
    }
    this.ownerDone = true
    this.fail(errorOf(code, detail, this.path))
  }

  lost(reason: Error | undefined): void {
    if (isDyadError(reason)) {
      this.fail(reason)
    } else if (this.awaitsAnswer) {
      this.#lease?.release()
      this.#lease = undefined
      this.answered('lost')
    } else if (reason === undefined) {
      void this.#askWhy()
    } else {
      this.fail(this.interrupted(undefined, reason))
    }
  }

  protected override take(): Uint8Array | undefined {
    const chunk = this.#chunk
    this.#chunk = undefined
    return chunk
  }

  protected override bytesOf(chunk: Uint8Array): Uint8Array {
    return chunk
  }

  protected override release(): void {
    this.#lease?.connection.release()
  }

  protected override finished(): void {
    this.#chunk = undefined
    const lease = this.#lease
    this.#lease = undefined
    // A reader that gives up with a chunk in hand may still look at it: its memory is not used
    // again.
    if (!this.ownerDone || this.isInHand) lease?.connection.destroy()
    else lease?.connection.release()
    lease?.release()
  }

  async #acquire(fresh: boolean): Promise<Lease> {
    const { failing } = this
    failing.throwIfAborted()
    const lease = await this.#context.pool.acquire(this.#context.url, fresh, failing)
    if (!failing.aborted) return lease
    lease.release()
    throw failing.reason
  }

  /**
   * Resolves with the outcome of the request over this connection. Rejects if the owner refuses the
   * file.
   */
  #ask(lease: Lease, bytes: Buffer): Promise<Answer> {
    this.#lease = lease
    return this.request(() => lease.connection.begin(bytes, this))
  }

  /**
   * Asks the owner again for what is missing. An owner that cannot go on ends the connection in the
   * middle of the bytes, and says why only in answer to another request.
   */
  async #askWhy(): Promise<void> {
    this.#lease?.release()
    this.#lease = undefined
    const { request } = this.#context
    const again = new TcpTransfer({
      ...this.#context,
      request: { ...request, start: request.start + this.#received },
      signal: this.failing,
    })
    try {
      await again.open()
      this.fail(this.interrupted('the owner ended the connection'))
    } catch (error) {
      this.fail(isOfFile(error) ? error : this.interrupted('the owner ended the connection', error))
    } finally {
      await again.close()
    }
  }
}

/** Returns true for an error of the file, rather than of the way to it. */
function isOfFile(error: unknown): boolean {
  return (['ERR_DYAD_CHANGED', 'ERR_DYAD_GONE', 'ERR_DYAD_REFUSED', 'ERR_DYAD_SYSTEM'] as const).some((code) =>
    isDyadError(error, code),
  )
}
