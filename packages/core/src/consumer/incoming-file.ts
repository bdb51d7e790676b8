import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises'
import { DyadError, isDyadError } from '../errors.js'
import type { FileRecord } from '../kvs/record.js'
import type { Temporaries } from '../temporaries.js'
import type { Transfer } from '../transfer/contract.js'
import type { Destination } from '../transfer/pull.js'

/** How often progress is told of while the system copies a file by itself, in ms. */
const PROGRESS_MS = 100

/** Told how many bytes have arrived of how many. */
export type OnProgress = (arrived: number, size: number) => void

/** A file on its way here: a temporary one beside its target, until it is put in place. Disposing of it before that leaves nothing. */
export class IncomingFile implements Destination, AsyncDisposable {
  readonly #temporary: string
  readonly #target: string
  readonly #record: FileRecord
  readonly #onProgress: OnProgress
  #handle: FileHandle | undefined
  #written = 0
  #isAtTarget = false

  private constructor(temporary: string, target: string, record: FileRecord, onProgress: OnProgress) {
    this.#temporary = temporary
    this.#target = target
    this.#record = record
    this.#onProgress = onProgress
  }

  /** Begins a file, making the directory of `target` if it is missing. ERR_DYAD_STORE. */
  static async beside(
    target: string,
    temporaries: Temporaries,
    record: FileRecord,
    onProgress: OnProgress,
  ): Promise<IncomingFile> {
    const temporary = await orStoreError(target, () => temporaries.beside(target))
    return new IncomingFile(temporary, target, record, onProgress)
  }

  async takeWhole(transfer: Transfer): Promise<number | undefined> {
    if (await transfer.isAt?.(this.#target)) {
      this.#isAtTarget = true
      return 0
    }
    if (transfer.copyTo === undefined) return undefined
    await this.#remove()
    const progress = setInterval(() => void this.#tellOfCopy(), PROGRESS_MS)
    try {
      await orStoreError(this.#target, async () => transfer.copyTo?.(this.#temporary))
      await orStoreError(this.#target, async () => {
        this.#handle = await open(this.#temporary, 'r+')
        this.#written = (await this.#handle.stat()).size
      })
    } finally {
      clearInterval(progress)
    }
    this.#onProgress(this.#written, this.#record.size)
    return this.#written
  }

  write(chunk: Uint8Array): Promise<void> {
    return orStoreError(this.#target, async () => {
      const handle = await this.#open()
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, this.#written)
        done += bytesWritten
        this.#written += bytesWritten
      }
      this.#onProgress(this.#written, this.#record.size)
    })
  }

  /** Makes the whole file visible at its target. ERR_DYAD_STORE. */
  async putInPlace(): Promise<void> {
    if (this.#isAtTarget) return
    await orStoreError(this.#target, async () => {
      const handle = await this.#open()
      if (this.#written !== this.#record.size)
        throw new Error(`${this.#written} of ${this.#record.size} bytes were stored`)
      await handle.chmod(this.#record.mode)
      await handle.close()
      this.#handle = undefined
      await rename(this.#temporary, this.#target)
      this.#isAtTarget = true
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isAtTarget) await this.#remove()
  }

  async #open(): Promise<FileHandle> {
    this.#handle ??= await open(this.#temporary, 'wx')
    return this.#handle
  }

  async #remove(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
    this.#written = 0
    await unlink(this.#temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }

  /** The system does not tell how far it is with a copy; the size of the copy does. */
  async #tellOfCopy(): Promise<void> {
    const copy = await stat(this.#temporary).catch(() => undefined)
    if (copy !== undefined) this.#onProgress(copy.size, this.#record.size)
  }
}

async function orStoreError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    // A transport that copies a file by itself cannot tell what its target refuses from what its source does.
    const ofSystem = isDyadError(cause, 'ERR_DYAD_SYSTEM')
    if ((isDyadError(cause) && !ofSystem) || (cause as Error).name === 'AbortError') throw cause
    throw new DyadError('ERR_DYAD_STORE', { path, cause })
  }
}
