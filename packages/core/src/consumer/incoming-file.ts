import {
  type BigIntStats,
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DyadError, isDyadError } from '../errors.js'
import { descriptorClosed, isShortage } from '../files/descriptors.js'
import { misfit, type RunningDigest, verifiable } from '../files/digest.js'
import type { DiskPace } from '../files/disk-pace.js'
import { lacksLinks } from '../files/lacks-links.js'
import { namingFile } from '../files/naming-file.js'
import { openRegular } from '../files/open-regular.js'
import { readBack } from '../files/read-back.js'
import { type StoringParent, type StoringParents, within } from '../files/storing-parents.js'
import type { Temporaries } from '../files/temporaries.js'
import type { FileRecord } from '../kvs/record.js'
import type { Transfer } from '../transfer/contract.js'
import type { Destination } from '../transfer/pull.js'
import type { Arrival, OnArrival } from './arrival.js'
import { FileWriter } from './file-writer.js'

/** Interval of progress reports while the system copies a file by itself, in ms. */
const PROGRESS_MS = 100
/** The right of the owner of a file to write to it. */
export const WRITABLE = 0o200

/** The part of a session that an incoming file uses. */
export interface StoringPlace {
  readonly temporaries: Temporaries
  readonly pace: DiskPace
  readonly parents: StoringParents
}

/** Decides whether the file that stands at a target may be replaced. */
export interface Replacing {
  /** Resolves once it may be. */
  permitted(): Promise<void>
  /** Whether it still may be replaced. */
  readonly isPermitted: boolean
}

/**
 * A file on its way here: a temporary one beside its target, until it is put in place. Disposing of
 * it before that leaves nothing.
 */
export class IncomingFile implements Destination, AsyncDisposable {
  readonly #path: string
  readonly #fd: number
  readonly #temporaries: Temporaries
  readonly #target: string
  readonly #parent: StoringParent
  /** The target, for system calls. */
  readonly #at: string
  readonly #record: FileRecord
  readonly #onArrival: OnArrival
  readonly #pace: DiskPace
  #writer: FileWriter
  /** Of what has passed this process, or was read back. */
  #verifier: RunningDigest | undefined
  #anew: DyadError | undefined
  #stored = 0
  #place: 'beside' | 'at target' | 'owned' = 'beside'

  private constructor(
    temporary: { path: string; fd: number },
    target: string,
    record: FileRecord,
    { temporaries, pace }: Omit<StoringPlace, 'parents'>,
    parent: StoringParent,
    onArrival: OnArrival,
  ) {
    this.#path = temporary.path
    this.#at = within(parent, target)
    this.#parent = parent
    this.#fd = temporary.fd
    this.#temporaries = temporaries
    this.#target = target
    this.#record = record
    this.#onArrival = onArrival
    this.#pace = pace
    this.#writer = this.#beginWriting()
    this.#verifier = verifiable(record.digest)
  }

  /** Begins a file, making the directory of `target` if it is missing. ERR_DYAD_STORE. */
  static beside(target: string, place: StoringPlace, record: FileRecord, onArrival: OnArrival): IncomingFile {
    // The system applies the umask. A transport that clones opens the file anew, and has to be
    // allowed to write to it.
    return orStoreError(target, () => {
      const parent = place.parents.enter(dirname(target))
      try {
        const temporary = place.temporaries.create(target, record.mode | WRITABLE, parent)
        return new IncomingFile(temporary, target, record, place, parent, onArrival)
      } catch (error) {
        parent[Symbol.dispose]()
        throw error
      }
    })
  }

  async takeWhole(transfer: Transfer): Promise<number | undefined> {
    if (await transfer.isAt?.(this.#target)) {
      this.#place = 'owned'
      unlinkSync(this.#path)
      return 0
    }
    if (transfer.copyTo === undefined) return undefined
    const openAtOwner = transfer.openHere?.bind(transfer)
    const tell = () => {
      this.#stored = fstatSync(this.#fd).size
      this.#onArrival({ ...this.#arrival(), openAtOwner })
    }
    if (openAtOwner !== undefined) tell()
    const progress = setInterval(tell, PROGRESS_MS)
    try {
      // The transport reports a file that changes meanwhile.
      await transfer.copyTo(this.#fd, this.#verifier && ((bytes) => this.#verifier?.pass(bytes)))
      await this.#passStored(this.#record.size)
      this.#verify()
    } catch (cause) {
      this.#forget()
      // Bytes that pass through here need no more descriptors.
      if (isShortage(cause)) return undefined
      throw storeError(this.#target, cause)
    } finally {
      clearInterval(progress)
    }
    this.#stored = fstatSync(this.#fd).size
    this.#onArrival(this.#arrival())
    return this.#stored
  }

  receive(transfer: Transfer): AsyncIterable<number> | undefined {
    // Bytes that are written behind may not be in the file yet.
    const lengths = this.#writer.isBehind ? undefined : transfer.receiveInto?.(this.#fd, this.#stored)
    return lengths && this.#tellOf(lengths)
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    try {
      // Before the last of them is handed to anybody.
      this.#pass(chunk)
      // A reader that waits for these bytes need not read them back. Behind other bytes they do not
      // follow the stored ones.
      if (!this.#writer.isBehind) this.#onArrival({ ...this.#arrival(), next: chunk })
      return this.#writer.write(chunk)?.catch((cause) => Promise.reject(storeError(this.#target, cause)))
    } catch (cause) {
      throw storeError(this.#target, cause)
    }
  }

  /** Takes all bytes of the file at once, without a transfer. ERR_DYAD_STORE. */
  fill(bytes: Uint8Array): void {
    orStoreError(this.#target, () => {
      this.#pass(bytes)
      this.#writer.writeAtOnce(bytes)
    })
  }

  async beginAnew(why: DyadError): Promise<void> {
    await this.#writer.close()
    this.#anew = why
    this.#forget()
    this.#writer = this.#beginWriting()
    // Readers are to know before anything else is written there.
    this.#onArrival(this.#arrival())
  }

  /**
   * Makes the whole file visible at its target, over what stands there, too, as `replacing`
   * permits. ERR_DYAD_STORE, and what that rejects with.
   */
  async putInPlace(replacing: Replacing): Promise<void> {
    if (this.#place !== 'beside') return
    try {
      await this.#writer.drain()
    } catch (cause) {
      throw storeError(this.#target, cause)
    }
    if (this.#placeIfAbsent()) return
    do await replacing.permitted()
    while (!replacing.isPermitted)
    orStoreError(this.#target, () => renameSync(this.#path, this.#at))
    this.#place = 'at target'
    // A process that was frozen between the look and the rename may have replaced a newer file.
    if (!replacing.isPermitted) await replacing.permitted()
  }

  /**
   * The attributes of this very file, whatever else may stand in its place by now. Undefined if it
   * is gone.
   */
  stats(): BigIntStats | undefined {
    if (this.#place !== 'owned') return fstatSync(this.#fd, { bigint: true })
    return statSync(this.#target, { bigint: true, throwIfNoEntry: false })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close()
    try {
      closeSync(this.#fd)
      if (this.#place === 'beside') this.#temporaries.remove(this.#path)
    } finally {
      this.#parent[Symbol.dispose]()
      descriptorClosed()
    }
  }

  /**
   * As `putInPlace`, but at once, and only if nothing stands there; returns whether it did.
   * ERR_DYAD_STORE.
   */
  #placeIfAbsent(): boolean {
    return orStoreError(this.#target, () => {
      this.#finish()
      try {
        // Unlike a rename, a link fails where somebody else was faster.
        linkSync(this.#path, this.#at)
      } catch (error) {
        // Somebody else's file stands there, or links cannot be made.
        if ((error as NodeJS.ErrnoException).code === 'EEXIST' || lacksLinks(error)) return false
        throw error
      }
      this.#place = 'at target'
      unlinkSync(this.#path)
      return true
    })
  }

  async *#tellOf(lengths: AsyncIterable<number>): AsyncGenerator<number> {
    try {
      for await (const length of lengths) {
        await this.#passStored(this.#stored + length)
        this.#writer.skip(length)
        yield length
      }
    } catch (cause) {
      throw storeError(this.#target, cause)
    }
  }

  #arrival(): Arrival {
    return {
      record: this.#record,
      stored: this.#stored,
      anew: this.#anew,
      open: () => openRegular(this.#path),
    }
  }

  #beginWriting(): FileWriter {
    return new FileWriter(this.#fd, this.#pace, (bytes) => {
      this.#stored = bytes
      this.#onArrival(this.#arrival())
    })
  }

  #forget(): void {
    ftruncateSync(this.#fd)
    this.#stored = 0
    this.#verifier = verifiable(this.#record.digest)
  }

  /**
   * The next bytes of the file; the last of them only if they are all that was published.
   * ERR_DYAD_CORRUPT.
   */
  #pass(bytes: Uint8Array): void {
    this.#verifier?.pass(bytes)
    if (this.#verifier?.length === this.#record.size) this.#verify()
  }

  /** As `#pass`, for the stored bytes up to `end` that have not passed yet. */
  async #passStored(end: number): Promise<void> {
    const from = this.#verifier?.length ?? end
    await readBack(this.#fd, from, end, (bytes) => this.#pass(bytes))
  }

  /** ERR_DYAD_CORRUPT. */
  #verify(): void {
    const { digest, size, path } = this.#record
    if (this.#verifier === undefined || digest === undefined) return
    if (this.#verifier.length === size && this.#verifier.fits(digest)) return
    throw new DyadError('ERR_DYAD_CORRUPT', { path, detail: misfit(this.#verifier.digest, digest) })
  }

  #finish(): void {
    const { size, mode } = fstatSync(this.#fd)
    if (size !== this.#record.size || this.#stored !== size) {
      throw new Error(`${Math.min(size, this.#stored)} of ${this.#record.size} bytes were stored`)
    }
    this.#verify()
    const published = mode & this.#record.mode
    if ((mode & 0o7777) !== published) fchmodSync(this.#fd, published)
  }
}

/**
 * Runs `work`, which stores a file at `path`, and throws its failure as ERR_DYAD_STORE, unless that
 * says more.
 */
export function orStoreError<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw storeError(path, cause)
  }
}

function storeError(path: string, cause: unknown): unknown {
  // A transport that copies a file by itself cannot tell what its target refuses from what its
  // source does.
  const ofSystem = isDyadError(cause, 'ERR_DYAD_SYSTEM')
  const isAbort = (cause as Error | undefined)?.name === 'AbortError'
  if ((isDyadError(cause) && !ofSystem) || isAbort) return cause
  return new DyadError('ERR_DYAD_STORE', { path, cause: namingFile(cause, path) })
}
