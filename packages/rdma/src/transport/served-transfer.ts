import { DyadError, rangeOf, type SourceFile } from '@dyad-ts/core'
import { errorText, type Place, type PlaceHolder, withDescriptors } from '@dyad-ts/core/internal'
import { VerbError } from '../verbs/faults.js'
import { MappedPages } from '../verbs/mapped-pages.js'
import type { SendRequest, Span } from '../verbs/queue-pair.js'
import { isInMemory } from './file-landing.js'
import {
  dataFrame,
  dataRoom,
  errorFrame,
  type FetchFrame,
  type Grant,
  LAST,
  stoppedFrame,
  verifiedFrame,
} from './frames.js'
import { type Link, SHORT_MESSAGE_BYTES } from './link.js'
import type { Served } from './served.js'
import type { Slab } from './slabs.js'

/** Most grants of a client that wait to be used. */
const MAX_WAITING = 64

/**
 * Answers one request: reads the file into registered memory, and writes it from there into the
 * memory that the client grants.
 */
export class ServedTransfer implements PlaceHolder {
  /** Resolves once the file is closed, and the last message to the client is sent. */
  readonly ended: Promise<void>
  readonly #id: number
  readonly #request: FetchFrame
  readonly #link: Link
  readonly #served: Served
  readonly #grants: Grant[] = []
  readonly #stop = new AbortController()
  /** Whether the last message or write, which ends the transfer, is posted. */
  #isTold = false
  #wake: (() => void) | undefined
  /** Reason of the end of a transfer whose client grants nothing. */
  #idle: DyadError | undefined

  constructor(id: number, request: FetchFrame, grants: readonly Grant[], link: Link, served: Served) {
    this.#id = id
    this.#request = request
    this.#link = link
    this.#served = served
    this.#grants.push(...grants)
    this.ended = this.#serve()
  }

  /** Takes grants of the client. ERR_DYAD_PROTOCOL for too many. */
  grant(grants: readonly Grant[]): void {
    if (this.#grants.length + grants.length > MAX_WAITING)
      throw new DyadError('ERR_DYAD_PROTOCOL', { detail: 'too many grants' })
    this.#grants.push(...grants)
    this.#wake?.()
  }

  /** Ends the transfer for a client that wants no more, or is gone. */
  stop(): void {
    this.#stop.abort(new DyadError('ERR_DYAD_TRANSFER'))
    this.#wake?.()
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Ends the transfer with an error for the client. */
  endIdle(reason: DyadError): void {
    this.#idle = reason
    this.#wake?.()
  }

  async #serve(): Promise<void> {
    let failure: unknown
    try {
      await this.#answer()
    } catch (error) {
      failure = error
    }
    if (this.#isTold) return
    if (this.#stop.signal.aborted) this.#link.send(stoppedFrame(this.#id))
    else if (failure !== undefined) this.#link.send(errorFrame(this.#id, errorText(failure)))
  }

  async #answer(): Promise<void> {
    const { places, source } = this.#served
    const { signal } = this.#stop
    const place = await places.take(this)
    let file: SourceFile | undefined
    try {
      const { start, end } = rangeOf(this.#request)
      file = await withDescriptors(() => source.open(this.#request), signal)
      signal.throwIfAborted()
      if (end - start <= dataRoom(SHORT_MESSAGE_BYTES)) await this.#sendShort(file, start, end)
      else if (file.fd !== undefined && isInMemory(file.fd)) await this.#writePages(file, file.fd, place, start, end)
      else await this.#write(file, place, start, end)
    } finally {
      await file?.close()
      place.leave()
    }
  }

  async #sendShort(file: SourceFile, start: number, end: number): Promise<void> {
    const { message, room } = dataFrame(this.#id, end - start)
    if (room.length > 0) await file.read(room, start)
    await file.verify()
    this.#stop.signal.throwIfAborted()
    this.#isTold = true
    this.#link.send(message)
  }

  /**
   * Writes grant by grant, straight from the pages of the file. Verifies the file once the device
   * has read all of it.
   */
  async #writePages(file: SourceFile, fd: number, place: Place, start: number, end: number): Promise<void> {
    let written: Promise<unknown> = Promise.resolve()
    for (let position = start; position < end; ) {
      const grant = await this.#nextGrant(place)
      const pages = this.#map(fd, position, Math.min(grant.length, end - position))
      if (pages === undefined) {
        // Kernels differ in what they register, and memory to lock may be scarce. Or the file has
        // become shorter, and reading it fails with the cause.
        await written
        await this.#write(file, place, position, end, grant)
        return
      }
      written = new Promise<void>((resolve) => {
        this.#post(pages, grant, this.#id, () => {
          pages[Symbol.dispose]()
          resolve()
        })
      })
      position += pages.length
    }
    await written
    await file.verify()
    this.#stop.signal.throwIfAborted()
    this.#isTold = true
    this.#link.send(verifiedFrame(this.#id))
  }

  #map(fd: number, position: number, length: number): MappedPages | undefined {
    try {
      return new MappedPages(this.#link.adapter.context, fd, position, length, undefined)
    } catch (error) {
      if (error instanceof VerbError) return undefined
      throw error
    }
  }

  /** Writes grant by grant, and reads the next bytes while the writes are under way. */
  async #write(file: SourceFile, place: Place, start: number, end: number, first?: Grant): Promise<void> {
    let grant = first
    for (let position = start; position < end; grant = undefined) {
      grant ??= await this.#nextGrant(place)
      const length = Math.min(grant.length, end - position)
      for (let filled = 0; filled < length; ) {
        const slab = await this.#read(file, position + filled, length - filled, end)
        const to = { address: grant.address + filled, rkey: grant.rkey }
        filled += slab.length
        const isFull = filled === length
        const isLast = isFull && position + length === end
        if (isLast) this.#isTold = true
        this.#post(slab, to, isFull ? this.#id + (isLast ? LAST : 0) : undefined, slab.release)
      }
      position += length
    }
  }

  /**
   * Reads up to `wanted` bytes into registered memory. Verifies the file before it returns the last
   * ones.
   */
  async #read(file: SourceFile, position: number, wanted: number, end: number): Promise<Slab> {
    const { signal } = this.#stop
    const slab = await this.#link.adapter.slabs.acquire(wanted, signal)
    try {
      await file.read(slab.bytes, position)
      if (position + slab.length === end) await file.verify()
      signal.throwIfAborted()
      return slab
    } catch (error) {
      slab.release()
      throw error
    }
  }

  #post(
    span: Span,
    to: { readonly address: number; readonly rkey: number },
    immediate: number | undefined,
    done: () => void,
  ): void {
    const { maxMessage } = this.#link.adapter
    const writes: SendRequest[] = []
    for (let at = 0; at < span.length; at += maxMessage) {
      const length = Math.min(maxMessage, span.length - at)
      writes.push({
        op: 'write',
        from: { region: span.region, address: span.address + at, length },
        to: { address: to.address + at, rkey: to.rkey },
        immediate: at + length === span.length ? immediate : undefined,
      })
    }
    this.#link.post(writes, { done })
  }

  async #nextGrant(place: Place): Promise<Grant> {
    for (;;) {
      this.#stop.signal.throwIfAborted()
      if (this.#idle !== undefined) throw this.#idle
      const grant = this.#grants.shift()
      if (grant !== undefined) return grant
      await place.restAndResume(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
      )
      this.#wake = undefined
    }
  }
}
