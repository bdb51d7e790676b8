import { Buffer } from 'node:buffer'
import { setMaxListeners } from 'node:events'
import { DyadError, isDyadError, type Transfer } from '@dyad-ts/core'
import { broken, errorOf } from '@dyad-ts/core/internal'
import type { End } from './address.js'
import type { Connection, Receiver } from './connection.js'
import { FileLanding, isInMemory } from './file-landing.js'
import { dataRoom, type FetchFrame, fetchFrame, grantFrame, stopFrame } from './frames.js'
import { Grants } from './grants.js'
import type { Part } from './landing.js'
import { SHORT_MESSAGE_BYTES } from './link.js'
import type { Lease, Pool } from './pool.js'
import { SlabLanding } from './slab-landing.js'
import { LARGEST_SLAB_BYTES } from './slabs.js'
import { storeParts } from './store-parts.js'

/** What a transfer needs to know and to tell. */
export interface TransferContext {
  readonly end: End
  readonly request: FetchFrame
  readonly pool: Pool
  readonly signal: AbortSignal | undefined
  /** Called once, when this side is done with it. */
  finished(transfer: RdmaTransfer): void
}

/** How long an owner may take to stop writing, in ms. */
const STOP_MS = 5_000

/** One transfer at the side that reads: the owner writes into what it grants. */
export class RdmaTransfer implements Transfer, Receiver {
  readonly size: number
  readonly #context: TransferContext
  readonly #aborted = () => this.fail(this.#context.signal?.reason)
  /** Ends what the transfer waits for before it has been asked for. */
  #stop: AbortController | undefined
  /** From the request to the owner's last word. */
  #asked: { readonly lease: Lease; readonly id: number } | undefined
  readonly #grants: Grants
  #settleOpened: { resolve: (isOpen: boolean) => void; reject: (reason: unknown) => void } | undefined
  /** What the owner has filled, in order. */
  readonly #arrived: Part[] = []
  /** The end of the file, until it is verified. */
  #last: Part | undefined
  /** What a reader looks at. */
  #handedOver: Part | undefined
  /** Resolves when the owner that was asked cannot write any more. */
  #over: Promise<void> = Promise.resolve()
  #resolveOver!: () => void
  #received = 0
  #ownerDone = false
  #finished = false
  #failure: { readonly reason: unknown } | undefined
  #broke: Error | undefined
  #wake: (() => void) | undefined

  constructor(context: TransferContext) {
    const { signal, request } = context
    this.#context = context
    this.size = request.end - request.start
    this.#grants = new Grants(this.size)
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
      let dead: Connection | undefined
      for (;;) {
        const taken = dead === undefined && this.#isShort ? this.#context.pool.take(this.#context.end) : undefined
        const lease = taken ?? (await this.#acquire(dead))
        if (this.#failure !== undefined) {
          void this.#grants.withdraw()
          lease.release()
          break
        }
        const wasUsed = lease.connection.isUsed
        if (await this.#ask(lease)) return
        if (!wasUsed) throw this.#interrupted('the connection broke before an answer', this.#broke)
        dead = lease.connection
      }
    } catch (error) {
      this.fail(error)
    }
    throw this.#failure?.reason
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.#finish()
        this.#leave()
        return { done: true, value: undefined }
      },
    }
  }

  receiveInto(fd: number, position: number): AsyncIterable<number> | undefined {
    // What has been granted a place already is stored from there: only a file that has more than
    // that is worth the mapping.
    if (this.#asked === undefined || this.#grants.granted === this.size || !isInMemory(fd)) return undefined
    const { granted } = this.#grants
    const inFile = FileLanding.open(this.#asked.lease.link, fd, position + granted, this.size - granted)
    if (inFile === undefined) return undefined
    this.#grants.land(inFile)
    return storeParts(this, fd, position)
  }

  /** What arrives, in order, each until the next is asked for; undefined after the last. */
  async nextPart(): Promise<Part | undefined> {
    this.#takeBack()
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason
      const part = this.#arrived.shift()
      if (part !== undefined) {
        // After the last bytes the owner must not be able to change any.
        if (this.#ownerDone && this.#arrived.length === 0) await this.#over
        this.#handedOver = part
        return part
      }
      if (this.#finished) return undefined
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

  async close(): Promise<void> {
    this.fail(new DyadError('ERR_DYAD_CLOSED', { path: this.#context.request.path }))
    this.#leave()
    // Where the bytes go straight into a file, it must not be used on while the owner may still
    // write there.
    if (this.#grants.goIntoFile) await this.#over
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  data(bytes: Buffer): void {
    if (this.#grants.areOpen || bytes.length !== this.size) {
      throw broken(`${bytes.length} bytes where ${this.size} are wanted`)
    }
    if (bytes.length > 0) this.#arrived.push({ length: bytes.length, bytes: Buffer.from(bytes), read() {} })
    this.#ownerEnds()
    this.#opened()
  }

  written(isLast: boolean): void {
    const part = this.#grants.filled()
    if (part === undefined) throw broken('written where nothing was granted')
    this.#received += part.length
    const isWhole = this.#received === this.size
    if (isLast && !isWhole) throw broken(`${this.#received} of ${this.size} bytes written`)
    if (isWhole) this.#last = part
    else if (!this.#finished) this.#arrived.push(part)
    if (isLast) this.verified()
    else this.#opened()
  }

  verified(): void {
    const last = this.#last
    if (last === undefined) throw broken('verified before all was written')
    this.#last = undefined
    if (!this.#finished) this.#arrived.push(last)
    this.#ownerEnds()
    this.#opened()
  }

  failed(code: string, detail: string): void {
    this.#ownerEnds()
    this.fail(errorOf(code, detail, this.#context.request.path))
  }

  stopped(): void {
    if (!this.#finished) throw broken('stopped without being asked to')
    this.#ownerEnds()
  }

  lost(reason: Error): void {
    this.#ownerEnds()
    if (isDyadError(reason, 'ERR_DYAD_PROTOCOL')) this.fail(reason)
    else if (this.#settleOpened !== undefined) {
      this.#broke = reason
      this.#grants.reset()
      this.#ownerDone = false
      this.#settle(false)
    } else this.fail(this.#interrupted(undefined, reason))
  }

  /** Ends the transfer; whoever waits for it gets `reason`. */
  fail(reason: unknown): void {
    if (this.#finished) return
    this.#failure = { reason }
    this.#finish()
    this.#stop?.abort(reason)
    this.#settleOpened?.reject(reason)
    this.#settleOpened = undefined
    this.#wake?.()
  }

  async #acquire(without: Connection | undefined): Promise<Lease> {
    const { pool, end } = this.#context
    this.#stop ??= new AbortController()
    const { signal } = this.#stop
    if (this.#failure !== undefined) throw this.#failure.reason
    const lease = await pool.acquire(end, without, signal)
    try {
      signal.throwIfAborted()
      if (!this.#isShort) {
        const slab = await lease.link.adapter.slabs.acquire(Math.min(this.size, LARGEST_SLAB_BYTES), signal)
        this.#grants.land(new SlabLanding(lease.link, slab, this.size))
      }
      return lease
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /** Whether its bytes come in a message, and need no place. */
  get #isShort(): boolean {
    return this.size <= dataRoom(SHORT_MESSAGE_BYTES)
  }

  /**
   * Resolves when the owner has opened the file, with false if the connection was lost before it
   * answered. Rejects when it refuses.
   */
  #ask(lease: Lease): Promise<boolean> {
    const id = lease.connection.add(this)
    this.#over = new Promise((resolve) => {
      this.#resolveOver = resolve
    })
    this.#asked = { lease, id }
    const opened = new Promise<boolean>((resolve, reject) => {
      this.#settleOpened = { resolve, reject }
    })
    const { grants, before } = this.#grants.all()
    lease.link.send(fetchFrame(id, this.#context.request, grants), before)
    return opened
  }

  /**
   * For each part that was read, another: to make more at once would keep what has arrived from
   * being read.
   */
  #grantAnother(): void {
    if (this.#asked === undefined) return
    const promised = this.#grants.next()
    if (promised !== undefined) {
      this.#asked.lease.link.send(grantFrame(this.#asked.id, [promised.grant]), promised.before)
    }
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const part = await this.nextPart()
    return part === undefined ? { done: true, value: undefined } : { done: false, value: part.bytes as Uint8Array }
  }

  /** The reader is done with what it was given. */
  #takeBack(): void {
    const part = this.#handedOver
    if (part === undefined) return
    this.#handedOver = undefined
    part.read()
    if (this.#finished) this.#leave()
    else this.#grantAnother()
  }

  #opened(): void {
    this.#settle(true)
    this.#wake?.()
  }

  #settle(isOpen: boolean): void {
    this.#settleOpened?.resolve(isOpen)
    this.#settleOpened = undefined
  }

  /** The owner writes no more. */
  #ownerEnds(): void {
    this.#ownerDone = true
    const asked = this.#asked
    if (asked === undefined) return
    this.#asked = undefined
    void this.#grants.withdraw().then(this.#resolveOver)
    asked.lease.connection.remove(asked.id)
    asked.lease.release()
  }

  #interrupted(detail: string | undefined, cause?: unknown): DyadError {
    return new DyadError('ERR_DYAD_TRANSFER', { path: this.#context.request.path, detail, cause })
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#arrived.length = 0
    this.#context.signal?.removeEventListener('abort', this.#aborted)
    // Until the owner says that it stopped, it may write into what it was granted.
    if (this.#asked !== undefined) this.#askToStop(this.#asked)
    // A chunk in the hands of a reader stays what it is until the reader asks for the next, or
    // closes.
    if (this.#handedOver === undefined) this.#leave()
    this.#context.finished(this)
  }

  #askToStop({ lease, id }: { readonly lease: Lease; readonly id: number }): void {
    lease.link.send(stopFrame(id))
    const late = setTimeout(() => lease.connection.close(), STOP_MS).unref()
    void this.#over.then(() => clearTimeout(late))
  }

  #leave(): void {
    this.#handedOver = undefined
    this.#grants.leave()
  }
}
