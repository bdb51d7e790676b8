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
 * A log is rewritten when it has grown by this many bytes, and by as much as was left when it was
 * rewritten last.
 */
const COMPACT_BYTES = 64 * 1024 * 1024

/** Writes operations, and tells when they are committed. */
interface Writer {
  readonly batch: LogBatch
  /** The last operation of the batch is the caller's. */
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
  /** Bytes that the log grows by at least before it is rewritten. @default 64 MiB */
  compactBytes?: number | undefined
}

/**
 * Namespaces and records in memory, and every change of them in a log that is replayed at the next
 * start. What one turn of the event loop changes is written at its end, in one write, and committed
 * when the operating system has it: from then on it survives the process.
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
  /** Namespaces that the batch creates. */
  readonly #created: CatalogEntry[] = []
  #scheduled = false
  /** Why nothing can be stored until a rewrite has brought back what somebody removed. */
  #lost: Error | undefined
  #compacting: Promise<void> | undefined
  /** The log is rewritten when its files have this many bytes. */
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
   * Opens the store in the directory `path`, which is made if it is missing. ERR_DYAD_LOG; EBUSY if
   * another process has it open.
   */
  static async open(path: string, options: LogOptions = {}): Promise<LogRecordStore> {
    // A compaction opens files there later, when the working directory may be another.
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
    // If it cannot be written, a watcher that knows only this start gets everything again after the
    // next one.
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
    // If it cannot be written, neither can the put that it is for, which says so; and replaying
    // sees every revision anyway.
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
   * Closes the log. ERR_DYAD_SYSTEM if records are not where they were stored, and cannot be stored
   * again.
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
    // Once more, since records without the name of their namespace are of little use if a batch is
    // damaged.
    const created = this.#created.splice(0)
    if (failure === undefined) for (const { id, name, nonce } of created) this.batch.create(id, name, nonce)
    for (const done of staged) done(failure)
    if (failure !== undefined) this.#bringBack(failure)
    else if (this.#log.size + this.#files.olderBytes >= this.#compactAt) this.#compact()
  }

  /**
   * Writes everything anew if the log was removed. Where another file or another directory stands
   * instead, somebody means that one, and it is left alone.
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
   * A log that cannot be rewritten is still whole; it is tried again when it has grown as much once
   * more.
   */
  async #rewrite(): Promise<void> {
    try {
      // Another attempt to bring back what was removed has a new log already, and nothing is in
      // that.
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
