import { renameSync } from 'node:fs'
import { basename } from 'node:path'
import { damaged } from './damaged.js'
import type { DirectoryLock } from './directory-lock.js'
import type { Operations } from './log-batch.js'
import { findFiles, logPath, missingFile, removeBefore, syncNames } from './log-directory.js'
import { type ClaimedFile, claim, LogFile } from './log-file.js'
import { LogReader } from './log-reader.js'
import { type Replayed, replay, replayBase } from './log-replay.js'
import { saveTail } from './log-tail.js'
import { irregularKind } from './own-file.js'

/** A replayed log. */
interface ReplayedLog extends Replayed {
  readonly path: string
  readonly mark: Buffer
}

/**
 * The files of a log. `base.N` holds the state before `log.N`, and `log.N+1` continues `log.N`.
 * Without a base, the logs from `log.0` on have everything. A base gets its name once it is
 * complete; then all earlier files are needless.
 */
export class LogFiles {
  readonly directory: string
  readonly #lock: DirectoryLock
  /** The log to append to. */
  #current: LogFile | undefined
  #generation = 0
  /** Bytes of the base, and of the logs after it except the current one. */
  #baseBytes = 0
  #olderBytes = 0
  /** Messages about cut-off ends. */
  readonly cuts: string[] = []

  /** @param lock the lock of the directory, which the caller releases */
  constructor(directory: string, lock: DirectoryLock) {
    this.directory = directory
    this.#lock = lock
  }

  /**
   * Replays the files and returns the log to append to. Keeps the end of an unfinished write beside
   * its file and cuts it off. ERR_DYAD_LOG if a file is missing, or damaged before whole data;
   * EBUSY if another broker appends to the log.
   */
  open(into: Operations): LogFile {
    const newest = this.claimNewest()
    try {
      this.#current = this.#open(into, newest)
      this.#lock.logMade()
      return this.#current
    } catch (error) {
      newest?.[Symbol.dispose]()
      throw error
    }
  }

  /** Claims the newest log, if there is one. Throws as {@link claim}. */
  claimNewest(): ClaimedFile | undefined {
    for (;;) {
      const path = this.#newestLog()
      if (path === undefined) return undefined
      const claimed = claim(path)
      // A running broker releases a log once it has made and locked the next.
      if (this.#newestLog() === path) return claimed
      claimed[Symbol.dispose]()
    }
  }

  /** Begins a log that follows all files there, which cannot be opened. */
  supersede(): LogFile {
    this.#generation = (findFiles(this.directory).all.at(-1)?.number ?? 0) + 1
    this.#current = this.#create(this.#generation)
    this.#lock.logMade()
    return this.#current
  }

  /** Whether the directory is still the opened one, even if files are missing in it. */
  get isInPlace(): boolean {
    return this.#lock.isInPlace || (this.#current !== undefined && this.#current.fault === undefined)
  }

  /** The first file that was removed, or undefined if none is missing. */
  get missing(): string | undefined {
    const found = findFiles(this.directory)
    const isCurrent = found.logs.at(-1) === this.#generation
    return missingFile(found, true) ?? (isCurrent ? undefined : `log.${this.#generation}`)
  }

  /** Bytes of the base. */
  get baseBytes(): number {
    return this.#baseBytes
  }

  /** Bytes of the logs before the current one. */
  get olderBytes(): number {
    return this.#olderBytes
  }

  /** Begins a new log to append to. `current` must end with a whole batch. */
  rotate(current: LogFile): LogFile {
    current.assertWhole()
    this.#assertInPlace()
    const next = this.#create(this.#generation + 1)
    this.#current = next
    this.#generation++
    this.#olderBytes += current.size
    return next
  }

  /** Begins a base for the state before the last rotation. */
  beginBase(): LogFile {
    this.#assertInPlace()
    return LogFile.begin(logPath(this.directory, 'part', this.#generation))
  }

  /** Adopts a base that is complete and on the disk. */
  adoptBase(bytes: number): void {
    this.#assertInPlace()
    renameSync(logPath(this.directory, 'part', this.#generation), logPath(this.directory, 'base', this.#generation))
    // The new name must reach the disk before the replaced files are removed.
    syncNames(this.directory)
    this.#baseBytes = bytes
    this.#olderBytes = 0
    removeBefore(this.directory, this.#generation)
  }

  /** In another directory of the same path, the replaced files are not this broker's. */
  #assertInPlace(): void {
    if (!this.isInPlace) throw damaged(this.directory, 'is another directory than was opened')
  }

  #open(into: Operations, newest: ClaimedFile | undefined): LogFile {
    const found = findFiles(this.directory)
    const { base, logs } = found
    const missing = missingFile(found, this.#lock.hadLog)
    if (missing !== undefined) throw damaged(this.directory, `${missing} is missing, and records have been kept there`)
    if (base > 0) this.#baseBytes = replayBase(logPath(this.directory, 'base', base), into)
    const replayed = logs.map((number) => this.#replayLog(number, into))
    for (const [i, log] of replayed.entries()) {
      const follows = replayed.slice(i + 1).find(({ holdsAny }) => holdsAny)
      if (log.end < log.size && follows !== undefined) {
        throw damaged(
          log.path,
          `is damaged at byte ${log.end}, and ${basename(follows.path)}, which continues it, is not`,
        )
      }
    }
    for (const log of replayed) if (log.end < log.size) this.#keepTail(log)
    const last = replayed.pop()
    for (const { path, mark, end, size } of replayed) {
      if (end < size) LogFile.resume(claim(path), mark, end).drop()
      this.#olderBytes += end
    }
    this.#generation = logs.at(-1) ?? base
    removeBefore(this.directory, base)
    if (last === undefined || newest === undefined) return this.#create(this.#generation)
    return LogFile.resume(newest, last.mark, last.end)
  }

  #newestLog(): string | undefined {
    const paths = findFiles(this.directory).logs.map((number) => logPath(this.directory, 'log', number))
    return paths.findLast((path) => irregularKind(path) === undefined)
  }

  #create(number: number): LogFile {
    return LogFile.create(logPath(this.directory, 'log', number), logPath(this.directory, 'new', number))
  }

  #replayLog(number: number, into: Operations): ReplayedLog & { readonly holdsAny: boolean } {
    using reader = new LogReader(logPath(this.directory, 'log', number))
    const { begin, end, ...rest } = replay(reader, into)
    return { path: reader.path, mark: reader.mark, begin, end, ...rest, holdsAny: end > begin }
  }

  #keepTail({ path, end, size }: ReplayedLog): void {
    const saved = saveTail(path, end, size)
    const what = `${size - end} bytes at the end of ${path}, of a write that did not finish, were cut off`
    this.cuts.push(`${what}; they are in ${basename(saved)}`)
  }
}
