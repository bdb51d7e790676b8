import { DyadError, MAX_CHUNK_BYTES } from '@dyad-ts/core'
import { broken, Slots } from '@dyad-ts/core/internal'
import type { Link, LinkHandlers } from '@dyad-ts/wire'
import { dataId, type FetchFrame, readClientFrame } from './frames.js'
import { SendBuffers } from './send-buffers.js'
import type { Served } from './served.js'
import { ServedTransfer } from './served-transfer.js'

/** Most transfers of one link at once, those that wait for their turn included. */
const MAX_TRANSFERS = 4096
/** Most files open at once for one link. Other transfers wait. */
const MAX_OPEN_FILES = 256

/** The server's end of a link. It begins, feeds and ends the transfers of its client. */
export class ServedLink implements LinkHandlers {
  readonly #link: Link
  readonly #served: Served
  readonly #transfers = new Map<number, ServedTransfer>()
  readonly #running = new Set<Promise<void>>()
  readonly #files = new Slots(MAX_OPEN_FILES)
  readonly #buffers: SendBuffers
  #lastId = -1

  constructor(link: Link, served: Served) {
    this.#link = link
    this.#served = served
    this.#buffers = new SendBuffers(Math.min(served.chunkBytes, MAX_CHUNK_BYTES))
  }

  message(bytes: Buffer): void {
    if (dataId(bytes) !== undefined) throw broken('data from a client')
    const frame = readClientFrame(bytes)
    if (frame.op === 'fetch') {
      this.#begin(frame)
      return
    }
    // A transfer may end while its credit or cancel is under way, but it must have begun.
    if (frame.id > this.#lastId) throw broken('an unknown transfer')
    const transfer = this.#transfers.get(frame.id)
    if (frame.op === 'credit') transfer?.grant(frame.chunks)
    else transfer?.cancel(new DyadError('ERR_DYAD_CLOSED'))
  }

  closed(): void {
    for (const transfer of this.#transfers.values()) transfer.cancel(new DyadError('ERR_DYAD_TRANSFER'))
  }

  /** Resolves once no transfer of this link has a file open. */
  async drained(): Promise<void> {
    await Promise.all(this.#running)
  }

  #begin(frame: FetchFrame): void {
    if (frame.id <= this.#lastId) throw broken('an id that was used before')
    this.#lastId = frame.id
    if (this.#transfers.size >= MAX_TRANSFERS) {
      const detail = `the owner serves ${MAX_TRANSFERS} transfers to this peer already`
      void this.#link.send({ op: 'error', id: frame.id, code: 'ERR_DYAD_TRANSFER', detail })
      return
    }
    const transfer = new ServedTransfer(frame, this.#link, this.#served, this.#files, this.#buffers)
    this.#transfers.set(frame.id, transfer)
    const running: Promise<void> = transfer.run().finally(() => {
      this.#transfers.delete(frame.id)
      this.#running.delete(running)
    })
    this.#running.add(running)
  }
}
