import { Buffer } from 'node:buffer'
import { isDyadError } from '@dyad-ts/core'
import { broken, errorOf, IncomingTransfer, type LiveTransfers } from '@dyad-ts/core/internal'
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

/** Options of {@link RdmaTransfer}. */
export interface TransferContext {
  readonly end: End
  readonly request: FetchFrame
  readonly pool: Pool
  readonly signal: AbortSignal | undefined
  readonly live: LiveTransfers
}

/** Time that an owner has to stop writing, in ms. */
const STOP_MS = 5_000

/** One transfer at the reading side. The owner writes into the memory that it grants. */
export class RdmaTransfer extends IncomingTransfer<Part, boolean> implements Receiver {
  readonly #context: TransferContext
  /** The request, until the owner's last message or write. */
  #asked: { readonly lease: Lease; readonly id: number } | undefined
  readonly #grants: Grants
  /** Parts that the owner has filled, in order. */
  readonly #arrived: Part[] = []
  /** The last part of the file, until it is verified. */
  #last: Part | undefined
  /** Resolves once the owner cannot write any more. */
  #over: Promise<void> = Promise.resolve()
  #resolveOver!: () => void
  #received = 0
  #broke: Error | undefined

  constructor(context: TransferContext) {
    const { request, signal, live } = context
    super({ path: request.path, size: request.end - request.start, signal, live })
    this.#context = context
    this.#grants = new Grants(this.size)
  }

  /**
   * Resolves once the owner has opened the file. Replaces a connection that was used before and
   * turns out dead.
   */
  async open(): Promise<void> {
    try {
      let dead: Connection | undefined
      for (;;) {
        const taken = dead === undefined && this.#isShort ? this.#context.pool.take(this.#context.end) : undefined
        const lease = taken ?? (await this.#acquire(dead))
        if (this.failing.aborted) {
          void this.#grants.withdraw()
          lease.release()
          break
        }
        const wasUsed = lease.connection.isUsed
        if (await this.#ask(lease)) return
        if (!wasUsed) throw this.interrupted('the connection broke before an answer', this.#broke)
        dead = lease.connection
      }
    } catch (error) {
      this.fail(error)
    }
    throw this.failing.reason
  }

  receiveInto(fd: number, position: number): AsyncIterable<number> | undefined {
    // Bytes that are granted a place already are stored from there. Mapping is only for the rest.
    if (this.#asked === undefined || this.#grants.granted === this.size || !isInMemory(fd)) return undefined
    const { granted } = this.#grants
    const inFile = FileLanding.open(this.#asked.lease.link, fd, position + granted, this.size - granted)
    if (inFile === undefined) return undefined
    this.#grants.land(inFile)
    return storeParts(this, fd, position)
  }

  override async next(): Promise<Part | undefined> {
    const part = await super.next()
    // Once the reader has the last bytes, the owner must not be able to change any.
    if (part !== undefined && this.ownerDone && this.#arrived.length === 0) await this.#over
    return part
  }

  override async close(): Promise<void> {
    await super.close()
    // The caller must not use a file while the owner may still write into its pages.
    if (this.#grants.goIntoFile) await this.#over
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
    else if (!this.isFinished) this.#arrived.push(part)
    if (isLast) this.verified()
    else this.#opened()
  }

  verified(): void {
    const last = this.#last
    if (last === undefined) throw broken('verified before all was written')
    this.#last = undefined
    if (!this.isFinished) this.#arrived.push(last)
    this.#ownerEnds()
    this.#opened()
  }

  failed(code: string, detail: string): void {
    this.#ownerEnds()
    this.fail(errorOf(code, detail, this.path))
  }

  stopped(): void {
    if (!this.isFinished) throw broken('stopped without being asked to')
    this.#ownerEnds()
  }

  lost(reason: Error): void {
    this.#ownerEnds()
    if (isDyadError(reason, 'ERR_DYAD_PROTOCOL')) this.fail(reason)
    else if (this.awaitsAnswer) {
      this.#broke = reason
      this.#grants.reset()
      this.ownerDone = false
      this.answered(false)
    } else this.fail(this.interrupted(undefined, reason))
  }

  protected override take(): Part | undefined {
    return this.#arrived.shift()
  }

  protected override bytesOf(part: Part): Uint8Array {
    return part.bytes as Uint8Array
  }

  protected override release(part: Part): void {
    part.read()
    if (this.isFinished) this.#grants.leave()
    else this.#grantAnother()
  }

  protected override finished(): void {
    this.#arrived.length = 0
    // The owner may write into the grants until it answers that it has stopped.
    if (this.#asked !== undefined) this.#askToStop(this.#asked)
    // A part in hand keeps its memory until the reader asks for the next, or closes.
    if (!this.isInHand) this.#grants.leave()
  }

  protected override dropped(): void {
    this.#grants.leave()
  }

  async #acquire(without: Connection | undefined): Promise<Lease> {
    const { pool, end } = this.#context
    const signal = this.failing
    signal.throwIfAborted()
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

  /** Whether the bytes come in a message, and need no grant. */
  get #isShort(): boolean {
    return this.size <= dataRoom(SHORT_MESSAGE_BYTES)
  }

  /**
   * Resolves once the owner has opened the file, or with false if the connection is lost before it
   * answers. Rejects if the owner refuses the file.
   */
  #ask(lease: Lease): Promise<boolean> {
    const id = lease.connection.add(this)
    this.#over = new Promise((resolve) => {
      this.#resolveOver = resolve
    })
    this.#asked = { lease, id }
    return this.request(() => {
      const { grants, before } = this.#grants.all()
      lease.link.send(fetchFrame(id, this.#context.request, grants), before)
    })
  }

  /**
   * Grants one place for each part that was read. Making more at once would delay the reader of
   * parts that have arrived.
   */
  #grantAnother(): void {
    if (this.#asked === undefined) return
    const promised = this.#grants.next()
    if (promised !== undefined) {
      this.#asked.lease.link.send(grantFrame(this.#asked.id, [promised.grant]), promised.before)
    }
  }

  #opened(): void {
    this.answered(true)
    this.wake()
  }

  /** The owner writes no more: withdraws the grants, and gives the connection back. */
  #ownerEnds(): void {
    this.ownerDone = true
    const asked = this.#asked
    if (asked === undefined) return
    this.#asked = undefined
    void this.#grants.withdraw().then(this.#resolveOver)
    asked.lease.connection.remove(asked.id)
    asked.lease.release()
  }

  #askToStop({ lease, id }: { readonly lease: Lease; readonly id: number }): void {
    lease.link.send(stopFrame(id))
    const late = setTimeout(() => lease.connection.close(), STOP_MS).unref()
    void this.#over.then(() => clearTimeout(late))
  }
}
