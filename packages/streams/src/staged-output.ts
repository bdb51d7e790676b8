import fs from 'node:fs'
import { promisify } from 'node:util'
import type { DyadCore, FileRecord, StagedFile } from '@dyad-ts/core'
import { descriptorClosed, giveBackController, namingFile, takeController } from '@dyad-ts/core/internal'
import { numericFlags, type OpenFlags } from './flags.js'
import { openToWrite } from './open-to-write.js'
import { SequentialDigest } from './sequential-digest.js'

type Done = (error?: unknown) => void
type Opened = (error: unknown, fd?: number) => void

/** Longest chunk that is written at once, in bytes: the hop to a thread would take longer. */
const AT_ONCE_BYTES = 64 * 1024

const { O_WRONLY, O_RDWR } = fs.constants

const openFile = promisify(fs.open)
const closeFile = promisify(fs.close)
const syncFile = promisify(fs.fsync)

/**
 * The target of a stream of node:fs: a staged file, which is closed once, and then published or
 * discarded.
 */
export class StagedOutput {
  readonly #core: DyadCore
  readonly #flush: boolean
  #fd: number | undefined
  /**
   * Whether the descriptor belongs to the staged file, which closes it when it is published or
   * discarded.
   */
  #isLent = false
  #staged: StagedFile | undefined
  /** The path that the program gave. */
  #path = ''
  #abandoned = false
  readonly #signal: AbortSignal | undefined
  /** Ends the wait for a descriptor; undefined once the file is open. */
  #opening: AbortController | undefined = takeController()
  #hasEndedWait = false
  /** Whether the stream waits for nothing any more. */
  #isLeft = false
  /** Rejects the publish, which continues. */
  #leave: (() => void) | undefined
  /** The digest of a new file that no other process has open; undefined for others. */
  #digest: SequentialDigest | undefined
  /** Bytes of single writes so far, without those of writev. */
  #bytes = 0
  #publishing: Promise<FileRecord | undefined> | undefined

  /**
   * @param flush whether to sync the bytes to stable storage before the file is closed
   * @param signal ends the publish: node:fs stops listening to it at the end of writing
   */
  constructor(core: DyadCore, flush: boolean, signal: AbortSignal | undefined) {
    this.#core = core
    this.#flush = flush
    this.#signal = signal
  }

  /** The option `fs` of the stream. */
  readonly fs = {
    open: (path: string, flags: OpenFlags, mode: number, callback: Opened): void => {
      this.#open(path, flags, mode).then(
        (fd) => {
          this.#endOpening()
          process.nextTick(callback, null, fd)
        },
        (error) => {
          const { aborted, reason } = this.#opening?.signal ?? {}
          this.#hasEndedWait = aborted === true && error === reason
          this.#endOpening()
          process.nextTick(callback, error)
        },
      )
    },
    write: (
      fd: number,
      data: Uint8Array,
      offset: number,
      length: number,
      position: number | undefined,
      done: (error: unknown, written?: number, data?: Uint8Array) => void,
    ): void => {
      this.#bytes += length
      if (this.#digest === undefined) {
        fs.write(fd, data, offset, length, position ?? null, this.#naming(done))
        return
      }
      if (length > AT_ONCE_BYTES) {
        this.#digest.write(fd, data, offset, length, position, this.#naming(done))
        return
      }
      try {
        const written = fs.writeSync(fd, data, offset, length, position ?? null)
        this.#digest.wrote(data.subarray(offset, offset + written), position)
        process.nextTick(done, null, written, data)
      } catch (error) {
        process.nextTick(done, this.#named(error))
      }
    },
    writev: (
      fd: number,
      pieces: readonly Uint8Array[],
      position: number | undefined,
      done: (error: unknown, written?: number, pieces?: readonly NodeJS.ArrayBufferView[]) => void,
    ): void => {
      if (this.#digest === undefined) fs.writev(fd, pieces, position ?? null, this.#naming(done))
      else this.#digest.writev(fd, pieces, position, this.#naming(done))
    },
    // Publishing has closed the file before the stream does.
    fsync: (fd: number, callback: Done): void => {
      if (fd === this.#fd) fs.fsync(fd, callback)
      else process.nextTick(callback)
    },
    close: (fd: number, callback: Done): void => {
      if (fd === this.#fd && !this.#isLent) {
        this.#fd = undefined
        fs.close(fd, (error) => {
          descriptorClosed()
          callback(error)
        })
      } else process.nextTick(callback)
    },
  }

  /** Prevents the open of the file. */
  abandon(): void {
    this.#abandoned = true
  }

  /**
   * Ends the wait for a descriptor, for which Node waits before it closes, or the publish, at once.
   */
  endWait(): void {
    this.#isLeft = true
    this.#opening?.abort()
    this.#leave?.()
  }

  /** Whether the wait for a descriptor was ended because the stream no longer wanted one. */
  get hasEndedWait(): boolean {
    return this.#hasEndedWait
  }

  /**
   * Closes the file unless it is closed, and publishes it. Resolves with the record, if there is
   * one and no earlier call returned it.
   */
  async publish(): Promise<FileRecord | undefined> {
    if (this.#staged === undefined) return undefined
    if (this.#publishing !== undefined) {
      await this.#publishing
      return undefined
    }
    this.#publishing = this.#closeAndPublish(this.#staged)
    return this.#publishing
  }

  /**
   * Removes the written bytes, unless they are in place. A publish under way has ended then, with
   * or without success.
   */
  async discard(): Promise<void> {
    await this.#publishing?.catch(() => {})
    await this.#staged?.discard()
  }

  async #open(path: string, flags: OpenFlags, mode: number): Promise<number> {
    this.#path = String(path)
    if (this.#abandoned) throw new Error('destroyed before it was opened')
    const signal = this.#opening?.signal
    // A file that stands there may be a pipe, or on a slow disk. A file that is made beside it is
    // neither.
    const open = (at: string | URL, how: number, isNew: boolean, fd?: number) => {
      // Other flags change how the system writes.
      if (fd === undefined || (how !== O_WRONLY && how !== O_RDWR)) {
        return isNew ? fs.openSync(at, how, mode) : openFile(at, how, mode)
      }
      this.#isLent = true
      return fd
    }
    const { opened, staged, isNew } = await openToWrite(this.#core, path, numericFlags(flags), mode, { signal }, open)
    this.#staged = staged
    this.#digest = isNew ? new SequentialDigest() : undefined
    this.#fd = opened
    return opened
  }

  async #closeAndPublish(staged: StagedFile): Promise<FileRecord | undefined> {
    const fd = this.#fd
    if (fd !== undefined) {
      try {
        if (this.#flush) await syncFile(fd)
        this.#fd = undefined
        // The lender closes a lent descriptor.
        if (!this.#isLent) await this.#closeOwn(fd)
      } catch (error) {
        throw this.#named(error)
      }
    }
    return this.#publishUntilLeft(staged)
  }

  #naming<Rest extends unknown[]>(done: (error: unknown, ...rest: Rest) => void) {
    return (error: unknown, ...rest: Rest) => done(error && this.#named(error), ...rest)
  }

  /**
   * The error of a write to a staged file, with the path: the system knows the descriptor or the
   * temporary file alone. Errors of other files stay as node:fs has them.
   */
  #named(error: unknown): unknown {
    return this.#staged === undefined ? error : namingFile(error, this.#path)
  }

  /**
   * Rejects once the stream is destroyed, or with its signal. The publish itself continues, so that
   * it looks at the file again after its record is stored.
   */
  #publishUntilLeft(staged: StagedFile): Promise<FileRecord | undefined> {
    const signal = this.#signal
    return new Promise((resolve, reject) => {
      const leave = () => reject(abortError(signal))
      // Before the file is in its place.
      if (this.#isLeft || signal?.aborted) return leave()
      this.#leave = leave
      const published = staged.publish(this.#digest?.digest)
      published.then(resolve, reject)
      if (signal === undefined) return
      signal.addEventListener('abort', leave, { once: true })
      const stop = () => signal.removeEventListener('abort', leave)
      published.then(stop, stop)
    })
  }

  async #closeOwn(fd: number): Promise<void> {
    if (this.#bytes <= AT_ONCE_BYTES) fs.closeSync(fd)
    else await closeFile(fd)
    descriptorClosed()
  }

  #endOpening(): void {
    if (this.#opening !== undefined) giveBackController(this.#opening)
    this.#opening = undefined
  }
}

/** Returns the error that Node makes of a signal. */
function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}
