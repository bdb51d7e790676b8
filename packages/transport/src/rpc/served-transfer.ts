import { rangeOf, type SourceFile } from '@dyad-ts/core'
import { broken, errorText, type Place, type PlaceHolder, type Slots, withDescriptors } from '@dyad-ts/core/internal'
import type { Link } from '@dyad-ts/wire'
import { DATA_HEADER_BYTES, type FetchFrame, MAX_CREDIT, writeDataHeader } from './frames.js'
import type { SendBuffers } from './send-buffers.js'
import type { Served } from './served.js'

/** One transfer at its owner. It reads no further than the credit of its client. */
export class ServedTransfer implements PlaceHolder {
  readonly #frame: FetchFrame
  readonly #link: Link
  readonly #served: Served
  readonly #files: Slots
  readonly #buffers: SendBuffers
  readonly #stop = new AbortController()
  #credit: number
  #granted: (() => void) | undefined
  /** Whether it waits for the client to read bytes of this transfer or of others. */
  #awaitsLink = false

  constructor(frame: FetchFrame, link: Link, served: Served, files: Slots, buffers: SendBuffers) {
    this.#frame = frame
    this.#link = link
    this.#served = served
    this.#files = files
    this.#buffers = buffers
    this.#credit = frame.credit
  }

  /** Lets the transfer send `chunks` more chunks. */
  grant(chunks: number): void {
    this.#credit += chunks
    if (this.#credit > MAX_CREDIT) throw broken(`credit over ${MAX_CREDIT} chunks`)
    this.#granted?.()
  }

  cancel(reason: Error): void {
    this.#stop.abort(reason)
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /**
   * Ends the transfer. Ends the link if its client reads nothing at all, since only that frees the
   * buffers.
   */
  endIdle(reason: Error): void {
    if (this.#awaitsLink) this.#link.terminate(reason)
    else this.cancel(reason)
  }

  /** Serves the transfer to its end or its failure. Never rejects. */
  async run(): Promise<void> {
    const { id } = this.#frame
    try {
      await this.#withPlaces()
      void this.#link.send({ op: 'end', id })
    } catch (error) {
      void this.#link.send({ op: 'error', id, ...errorText(error) })
    }
  }

  async #withPlaces(): Promise<void> {
    await this.#files.acquire(this.signal)
    try {
      const place = await this.#served.places.take(this)
      try {
        await this.#open(place)
      } finally {
        place.leave()
      }
    } finally {
      this.#files.release()
    }
  }

  async #open(place: Place): Promise<void> {
    const { id, request } = this.#frame
    const range = rangeOf(request)
    const file = await withDescriptors(() => this.#served.source.open(request), this.signal)
    try {
      this.signal.throwIfAborted()
      void this.#link.send({ op: 'opened', id })
      await this.#send(file, place, range.start, range.end)
      await file.verify()
    } finally {
      await file.close()
    }
  }

  async #send(file: SourceFile, place: Place, start: number, end: number): Promise<void> {
    const chunkBytes = Math.min(this.#frame.chunk, this.#buffers.chunkBytes)
    let position = start
    while (position < end) {
      this.signal.throwIfAborted()
      if (this.#credit === 0) await place.restAndResume(this.#moreCredit())
      this.#credit--
      const buffer = this.#buffers.tryAcquire() ?? (await this.#bufferOfLink(place))
      const length = Math.min(chunkBytes, end - position)
      try {
        await file.read(buffer.subarray(DATA_HEADER_BYTES, DATA_HEADER_BYTES + length), position)
        this.signal.throwIfAborted()
      } catch (error) {
        this.#buffers.release(buffer)
        throw error
      }
      writeDataHeader(buffer, this.#frame.id)
      // It does not wait: the next read overlaps this send, as long as there are buffers.
      void this.#link.send(buffer.subarray(0, DATA_HEADER_BYTES + length)).then(() => this.#buffers.release(buffer))
      position += length
    }
  }

  /** Resolves with a buffer once the client has read enough to free one. */
  async #bufferOfLink(place: Place): Promise<Buffer> {
    this.#awaitsLink = true
    const taken = this.#buffers.acquire(this.signal)
    try {
      return await place.restAndResume(taken)
    } catch (error) {
      // The buffer may have come before the failure.
      void taken.then(
        (buffer) => this.#buffers.release(buffer),
        () => {},
      )
      throw error
    } finally {
      this.#awaitsLink = false
    }
  }

  async #moreCredit(): Promise<void> {
    const { signal } = this
    await new Promise<void>((resolve, reject) => {
      const aborted = () => reject(signal.reason)
      signal.addEventListener('abort', aborted, { once: true })
      this.#granted = () => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
    })
    this.#granted = undefined
  }
}
