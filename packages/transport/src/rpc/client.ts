import { DyadError, isDyadError, type Transfer } from '@dyad-ts/core'
import { broken, errorOf, type LiveTransfers, type RangeRequest } from '@dyad-ts/core/internal'
import type { Link, LinkHandlers } from '@dyad-ts/wire'
import { DATA_HEADER_BYTES, dataId, fetchMessage, MAX_ID, readServerFrame } from './frames.js'
import { ReceiveBuffers } from './receive-buffers.js'
import { RpcTransfer } from './transfer.js'

/** Options of {@link RpcClient.fetch}. */
export interface Pace {
  readonly chunk: number
  readonly window: number
  readonly signal: AbortSignal | undefined
}

interface Entry {
  readonly transfer: RpcTransfer
  readonly path: string
}

/** The client's end of a link: any number of transfers from one server. */
export class RpcClient implements LinkHandlers {
  readonly #link: Link
  readonly #idleMs: number
  /** Transfers that this side has not finished, of all clients of the transport. */
  readonly #live: LiveTransfers
  readonly #onRetired: () => void
  /** Transfers that the server has not finished. */
  readonly #entries = new Map<number, Entry>()
  readonly #buffers = new ReceiveBuffers()
  /** The transfer whose chunk is arriving in pieces. */
  #inPieces: RpcTransfer | undefined
  #idle: NodeJS.Timeout | undefined
  #nextId = 0
  #retired = false
  readonly #ended: Promise<void>
  #end!: () => void

  constructor(link: Link, idleMs: number, live: LiveTransfers, onRetired: () => void) {
    this.#link = link
    this.#idleMs = idleMs
    this.#live = live
    this.#onRetired = onRetired
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#rest()
  }

  /** Whether the client takes no more transfers. */
  get retired(): boolean {
    return this.#retired
  }

  async fetch(request: RangeRequest, pace: Pace): Promise<Transfer> {
    pace.signal?.throwIfAborted()
    const id = this.#nextId++
    if (id === MAX_ID) this.#retire()
    const { path, start, end } = request
    const transfer = new RpcTransfer({
      ...pace,
      path,
      size: end - start,
      live: this.#live,
      buffers: this.#buffers,
      grant: (chunks) => void this.#link.send({ op: 'credit', id, chunks }),
      cancel: () => void this.#link.send({ op: 'cancel', id }),
    })
    this.#entries.set(id, { transfer, path })
    this.#busy()
    const fetch = fetchMessage({ op: 'fetch', id, request, chunk: pace.chunk, credit: pace.window })
    await transfer.open(() => void this.#link.send(fetch))
    return transfer
  }

  message(bytes: Buffer): void {
    const id = dataId(bytes)
    if (id !== undefined) {
      const { transfer } = this.#entry(id)
      transfer.expect(bytes.length - DATA_HEADER_BYTES)
      transfer.data(bytes.subarray(DATA_HEADER_BYTES), 0)
      return
    }
    const frame = readServerFrame(bytes)
    const { transfer, path } = this.#entry(frame.id)
    switch (frame.op) {
      case 'opened':
        transfer.opened()
        break
      case 'end':
        transfer.end()
        this.#forget(frame.id)
        break
      case 'error':
        this.#forget(frame.id)
        transfer.failAtOwner(errorOf(frame.code, frame.detail, path))
    }
  }

  piece(bytes: Buffer, left: number): void {
    let data = bytes
    if (this.#inPieces === undefined) {
      const id = dataId(bytes)
      if (id === undefined) throw broken('a long reply without data')
      this.#inPieces = this.#entry(id).transfer
      data = bytes.subarray(DATA_HEADER_BYTES)
      this.#inPieces.expect(data.length + left)
    }
    const transfer = this.#inPieces
    if (left === 0) this.#inPieces = undefined
    transfer.data(data, left)
  }

  closed(reason: Error | undefined): void {
    this.#retire()
    clearTimeout(this.#idle)
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    for (const { transfer, path } of entries) {
      const code = isDyadError(reason, 'ERR_DYAD_PROTOCOL') ? 'ERR_DYAD_PROTOCOL' : 'ERR_DYAD_TRANSFER'
      const detail = reason === undefined ? 'the owner closed the connection' : undefined
      transfer.failAtOwner(new DyadError(code, { path, detail, cause: reason }))
    }
    this.#end()
  }

  /** Closes the link, and waits until it is closed. */
  async close(): Promise<void> {
    this.#retire()
    this.#link.hold(true)
    this.#link.close()
    await this.#ended
  }

  #entry(id: number): Entry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw broken('an unknown transfer')
    return entry
  }

  #forget(id: number): void {
    this.#entries.delete(id)
    if (this.#entries.size === 0) this.#rest()
  }

  /** A link without transfers does not keep the process alive, and closes after a while. */
  #rest(): void {
    if (this.#retired) return
    this.#link.hold(false)
    this.#idle = setTimeout(() => {
      this.#retire()
      this.#link.close()
    }, this.#idleMs).unref()
  }

  #busy(): void {
    clearTimeout(this.#idle)
    this.#link.hold(true)
  }

  /** Takes no more transfers: the pool makes another client. */
  #retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#onRetired()
  }
}
