import { resolve } from 'node:path'
import { DyadError } from '@dyad-ts/core'
import { makeTrustedDirectory } from '@dyad-ts/core/internal'
import { Catalog, type CatalogEntry, newEntry } from './catalog.js'
import { compact } from './compaction.js'
import type { Committed, RecordStore, Records, Scanned, StoredNamespace } from './contract.js'
import { DirectoryLock } from './directory-lock.js'
import { FULL_BATCH_BYTES, LogBatch } from './log-batch.js'
import type { LogFile } from './log-file.js'
import { LogFiles } from './log-files.js'
import type { MemoryRecords } from './memory-records.js'
import type { Packed } from './packed.js'

/**
 * A log is rewritten after it has grown by this many bytes, and by its size after the last rewrite.
 */
const COMPACT_BYTES = 64 * 1024 * 1024

/** Writes operations, and notifies the caller once they are committed. */
interface Writer {
  readonly batch: LogBatch
  /** Called once the caller's operation is the last of the batch. */
  staged(done: (error: Error | undefined) => void): void
}

/** The records of one namespace: in memory, and in the log. */
class LogRecords implements Records {
  readonly id: number
  readonly #memory: MemoryRecords
  readonly #deleted: Set<string>
  readonly #writer: Writer

  constructor(writer: Writer, { id, memory, deleted }: CatalogEntry) {
    this.#writer = writer
    this.#deleted = deleted
    this.id = id
    this.#memory = memory
  }

  get(key: string): Packed | undefined {
    return this.#memory.get(key)
  }

  put(key: string, packed: Packed, done: Committed): void {
    this.#writer.batch.put(this.id, key, packed)
    this.#writer.staged((error) => done(error, error === undefined ? this.#memory.set(key, packed) : undefined))
  }

  delete(key: string, done: Committed): void {
    this.#writer.batch.delete(this.id, key)
    this.#writer.staged((error) => done(error, error === undefined ? this.#memory.drop(key) : undefined))
  }

  wasDeleted(key: string): boolean {
    return this.#deleted.has(key)
  }

  scan(prefix: string): IterableIterator<Scanned> {
    return this.#memory.scan(prefix)
  }
}

/** Options of {@link LogRecordStore.open}. */
export interface LogOptions {
  /** Least growth of the log before it is rewritten, in bytes. @default 64 MiB */
  compactBytes?: number | undefined
}

/**
 * Namespaces and records in memory, with every change in a log that the next start replays. Changes
 * of one turn of the event loop are written at its end, in one write. They are committed when the
 * operating system has them, and survive the process from then on. lmdb kept the same promise, but
 * a commit took as long as 17 round trips, and a read most of one.
 */
export class LogRecordStore implements RecordStore, Writer {
  readonly durable = true
  readonly batch = new LogBatch()
  readonly #catalog = new Catalog()
  readonly #files: LogFiles
  readonly #lock: DirectoryLock
  readonly #compactBytes: number
  readonly #closed = new AbortController()
  #log: LogFile
  #staged: ((error: Error | undefined) => void)[] = []
  /** Namespaces that the current batch creates. */
  readonly #created: CatalogEntry[] = []
  #scheduled = false
  /** Why nothing can be stored until a rewrite restores the removed files. */
  #lost: Error | undefined
  #compacting: Promise<void> | undefined
  /** Total size of the files at which the log is rewritten. */
  #compactAt = 0
  readonly #endTurn = () => {
    this.#scheduled = false
    this.#commit()
  }

  private constructor(files: LogFiles, options: LogOptions, lock: DirectoryLock) {
    this.#files = files
    this.#lock = lock
    this.#compactBytes = options.compactBytes ?? COMPACT_BYTES
    this.#log = files.open(this.#catalog)
    this.#plan()
  }

  /**
   * Opens the store in the directory `path`, and makes the directory if it is missing.
   * ERR_DYAD_LOG; EBUSY if another process has it open.
   */
  static async open(path: string, options: LogOptions = {}): Promise<LogRecordStore> {
    // A later compaction opens files there, when the working directory may have changed.
    const directory = resolve(path)
    makeTrustedDirectory(directory, 0o700)
    const lock = new DirectoryLock(directory)
    try {
      return new LogRecordStore(new LogFiles(directory, lock), options, lock)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  get ceiling(): number {
    return this.#catalog.highest
  }

  get latest(): number {
    return this.#catalog.latest
  }

  begin(epoch: string): void {
    const { latest } = this.#catalog
    this.#catalog.epoch(epoch, latest)
    this.batch.epoch(epoch, latest)
    // If this fails, a watcher that knows only this start gets everything again after the next one.
    this.staged(() => {})
  }

  lastOf(epoch: string): number | undefined {
    return this.#catalog.lastOf(epoch)
  }

  get notices(): readonly string[] {
    return this.#files.cuts
  }

  raise(ceiling: number): void {
    this.#catalog.ceiling(ceiling)
    this.batch.ceiling(ceiling)
    // If this fails, so does the put that needs it, and reports it. A replay sees every revision
    // anyway.
    this.staged(() => {})
  }

  namespaces(): StoredNamespace[] {
    return [...this.#catalog.entries.values()].map((entry) => this.#namespace(entry))
  }

  create(name: string, nonce: string, done: Committed): StoredNamespace {
    const entry = newEntry(this.#catalog.nextId++, name, nonce)
    this.batch.create(entry.id, name, nonce)
    this.#created.push(entry)
    this.staged((error) => {
      if (error === undefined) this.#catalog.entries.set(entry.id, entry)
      done(error, undefined)
    })
    return this.#namespace(entry)
  }

  remove(namespace: StoredNamespace, done: Committed): void {
    const { id } = namespace.records as LogRecords
    this.batch.remove(id)
    this.staged((error) => {
      if (error === undefined) this.#catalog.remove(id)
      done(error, undefined)
    })
  }

  count(): number {
    return this.#catalog.count()
  }

  /**
   * Closes the log. ERR_DYAD_SYSTEM if the stored records were moved or removed, and cannot be
   * stored again.
   */
  async close(): Promise<void> {
    this.#commit()
    try {
      await this.#assertKept()
    } finally {
      this.#closed.abort()
      await this.#compacting
      await this.#log.close().finally(() => this.#lock.release())
    }
  }

  staged(done: (error: Error | undefined) => void): void {
    this.#staged.push(done)
    if (this.batch.length >= FULL_BATCH_BYTES) {
      this.#commit()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      process.nextTick(this.#endTurn)
    }
  }

  #commit(): void {
    if (this.#staged.length === 0) return
    const staged = this.#staged
    this.#staged = []
    let failure = this.#lost
    try {
      if (failure === undefined) this.#log.append(this.batch.bytes)
    } catch (error) {
      failure = error as Error
    }
    this.batch.clear()
    // Repeated: if a batch is damaged, records without their namespace's name are of little use.
    const created = this.#created.splice(0)
    if (failure === undefined) for (const { id, name, nonce } of created) this.batch.create(id, name, nonce)
    for (const done of staged) done(failure)
    if (failure !== undefined) this.#bringBack(failure)
    else if (this.#log.size + this.#files.olderBytes >= this.#compactAt) this.#compact()
  }

  /**
   * Writes everything anew if the log was removed. If another file or directory is in its place, it
   * changes nothing: that was deliberate.
   */
  #bringBack(failure: Error): void {
    if (!this.#files.isInPlace || (this.#lost === undefined && !this.#log.isGone)) return
    this.#lost = failure
    this.#compact()
  }

  async #assertKept(): Promise<void> {
    if (this.#files.isInPlace && this.#files.missing !== undefined) {
      await this.#compacting
      this.#compact()
      await this.#compacting
    }
    const missing = this.#files.isInPlace ? this.#files.missing : undefined
    if (missing === undefined) return this.#log.assertInPlace()
    const detail = `${missing} was removed while the broker ran, and could not be written anew`
    throw new DyadError('ERR_DYAD_SYSTEM', { path: this.#files.directory, detail })
  }

  #compact(): void {
    if (this.#compacting !== undefined || this.#closed.signal.aborted) return
    this.#compacting = this.#rewrite().then(() => {
      this.#compacting = undefined
      this.#plan()
    })
  }

  /**
   * A log that cannot be rewritten is still whole. The next attempt follows after the same growth
   * again.
   */
  async #rewrite(): Promise<void> {
    try {
      // Another attempt to restore the removed files has a new, empty log already.
      if (this.#lost === undefined || this.#log.isGone) {
        const former = this.#log
        this.#log = this.#files.rotate(former)
        await former.close()
      }
      await compact(this.#catalog, this.#files, this.#closed.signal)
      this.#lost = undefined
    } catch {}
  }

  #plan(): void {
    const grown = this.#log.size + this.#files.olderBytes
    const left = this.#files.olderBytes > 0 ? grown : 0
    this.#compactAt = left + Math.max(this.#compactBytes, this.#files.baseBytes)
  }

  #namespace(entry: CatalogEntry): StoredNamespace {
    const { name, nonce } = entry
    return { name, nonce, records: new LogRecords(this, entry) }
  }
}
