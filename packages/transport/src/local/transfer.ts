import { closeSync, constants, openSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { DyadError, type FetchRequest, isDyadError, type OpenedFile, type Range, type Transfer } from '@dyad-ts/core'
import { abortable, descriptorPath, hasDescriptorPaths } from '@dyad-ts/core/internal'
import { clone, copyContents } from './copy-contents.js'

const CHUNK_BYTES = 512 * 1024

type Passed = (bytes: Uint8Array) => void

/** One file of this host, read or copied. */
export class LocalTransfer implements Transfer {
  readonly size: number
  readonly copyTo?: (fd: number, passed?: Passed) => Promise<void>
  readonly openHere?: () => number
  readonly isAt?: (target: string) => Promise<boolean>
  /** Resolves once nothing is open, not even for a copy that goes on after an abort. */
  readonly released: Promise<void>
  readonly #file: OpenedFile
  readonly #path: string
  readonly #end: number
  readonly #signal: AbortSignal | undefined
  readonly #stop = new AbortController()
  readonly #aborted: () => void
  #release!: () => void
  #position: number
  #buffer: Buffer | undefined
  #copying: Promise<unknown> | undefined
  #closing: Promise<void> | undefined
  #done = false

  constructor(file: OpenedFile, request: FetchRequest, range: Range, signal: AbortSignal | undefined) {
    this.#file = file
    this.#path = request.path
    this.#position = range.start
    this.#end = range.end
    this.size = range.end - range.start
    this.released = new Promise((resolve) => {
      this.#release = resolve
    })
    this.#signal = signal
    this.#aborted = () => void this.#finish(signal?.reason)
    signal?.addEventListener('abort', this.#aborted, { once: true })
    if (range.whole) {
      if (hasDescriptorPaths) {
        this.copyTo = (fd, passed) => this.#copy(fd, passed)
        this.openHere = () => openSync(descriptorPath(this.#file.fd), constants.O_RDONLY)
      }
      this.isAt = (target) => this.#isAt(target)
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.#done = true
        await this.close()
        return { done: true, value: undefined }
      },
    }
  }

  close(): Promise<void> {
    return this.#finish(new DyadError('ERR_DYAD_CLOSED', { path: this.#path }))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#done) return { done: true, value: undefined }
    this.#stop.signal.throwIfAborted()
    try {
      const chunk = await abortable(this.#read(), this.#stop.signal)
      if (chunk !== undefined) return { done: false, value: chunk }
      this.#done = true
      await this.close()
      return { done: true, value: undefined }
    } catch (error) {
      void this.#finish(error)
      throw error
    }
  }

  /** Reads the next chunk. Verifies the file before it returns the last one. */
  async #read(): Promise<Uint8Array | undefined> {
    const left = this.#end - this.#position
    if (left === 0 && this.size > 0) return undefined
    this.#buffer ??= Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, left))
    const chunk = this.#buffer.subarray(0, Math.min(CHUNK_BYTES, left))
    try {
      await this.#file.read(chunk, this.#position)
      this.#position += chunk.length
      if (this.#position === this.#end) await this.#file.verify()
    } catch (error) {
      throw this.#translate(error)
    }
    return this.size === 0 ? undefined : chunk
  }

  async #copy(fd: number, passed: Passed | undefined): Promise<void> {
    this.#stop.signal.throwIfAborted()
    const copying = this.#copyInto(fd, passed)
    this.#copying = copying.catch(() => {})
    await abortable(copying, this.#stop.signal)
  }

  /**
   * Copies from descriptor to descriptor, whatever file gets either name meanwhile. It opens the
   * target anew, since a copy may go on after an abort, and the caller's descriptor may then be
   * another file's.
   */
  async #copyInto(fd: number, passed: Passed | undefined): Promise<void> {
    try {
      const into = openSync(descriptorPath(fd), constants.O_WRONLY)
      try {
        await this.#file.verify()
        if (!(await clone(descriptorPath(this.#file.fd), into))) {
          await copyContents(this.#file, this.size, into, this.#stop.signal, passed)
        }
        await this.#file.verify()
      } finally {
        closeSync(into)
      }
    } catch (error) {
      throw this.#translate(error)
    }
  }

  async #isAt(target: string): Promise<boolean> {
    this.#stop.signal.throwIfAborted()
    const [mine, there] = await Promise.all([
      this.#file.stat(),
      stat(target, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
        throw this.#translate(error)
      }),
    ])
    return there !== undefined && mine.dev === there.dev && mine.ino === there.ino
  }

  #translate(cause: unknown): DyadError {
    return isDyadError(cause) ? cause : new DyadError('ERR_DYAD_SYSTEM', { path: this.#path, cause })
  }

  /**
   * Ends the transfer for `reason`. Does not wait for a copy that the kernel has begun, but keeps
   * its descriptors open until the copy ends.
   */
  #finish(reason: unknown): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#stop.abort(reason)
    this.#buffer = undefined
    const copying = this.#copying
    if (copying === undefined) this.#closing = this.#file.close()
    else this.#closing = Promise.resolve()
    void this.#closing
      .then(() => copying)
      .then(() => this.#file.close())
      .finally(() => this.#release())
    return this.#closing
  }
}
