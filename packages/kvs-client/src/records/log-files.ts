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

/** A log that was replayed. */
interface ReplayedLog extends Replayed {
  readonly path: string
  readonly mark: Buffer
}

/**
 * The files of a log. `base.N` holds everything that was before `log.N`, which `log.N+1` continues;
 * without a base, everything is in the logs from `log.0` on. A base is made beside the others and
 * gets its name when it is complete, whereupon all before it are needless.
 */
export class LogFiles {
  readonly directory: string
  readonly #lock: DirectoryLock
  /** The log that is appended to. */
  #current: LogFile | undefined
  #generation = 0
  /** Bytes of the base, and of the logs after it but for the one that is appended to. */
  #baseBytes = 0
  #olderBytes = 0
  /** What was cut off, in words. */
  readonly cuts: string[] = []

  /** The lock is that of the directory, and whoever took it releases it. */
  constructor(directory: string, lock: DirectoryLock) {
    this.directory = directory
    this.#lock = lock
  }

  /**
   * Replays what there is; returns the log to append to. The end of a write that did not finish is
   * kept beside its file and cut off. ERR_DYAD_LOG if a file is missing, or damaged before
   * something that is not; EBUSY if another broker appends to the log.
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

  /** Claims the log that is appended to, if there is one. As {@link claim}. */
  claimNewest(): ClaimedFile | undefined {
    for (;;) {
      const path = this.#newestLog()
      if (path === undefined) return undefined
      const claimed = claim(path)
      // A broker that runs lets go of a log once the next is there, and locked.
      if (this.#newestLog() === path) return claimed
      claimed[Symbol.dispose]()
    }
  }

  /**
   * Takes the place of all files there, which cannot be opened: what is written from now on comes
   * after them.
   */
  supersede(): LogFile {
    this.#generation = (findFiles(this.directory).all.at(-1)?.number ?? 0) + 1
    this.#current = this.#create(this.#generation)
    this.#lock.logMade()
    return this.#current
  }

  /** Whether the directory is still that which was opened, though files may be missing in it. */
  get isInPlace(): boolean {
    return this.#lock.isInPlace || (this.#current !== undefined && this.#current.fault === undefined)
  }

  /** The first file that somebody has removed, or undefined if none is missing. */
  get missing(): string | undefined {
    const found = findFiles(this.directory)
    const isCurrent = found.logs.at(-1) === this.#generation
    return missingFile(found, true) ?? (isCurrent ? undefined : `log.${this.#generation}`)
  }

  /** Bytes of the base. */
  get baseBytes(): number {
    return this.#baseBytes
  }

  /** Bytes of the logs that are not appended to any more. */
  get olderBytes(): number {
    return this.#olderBytes
  }

  /** A new log to append to; `current` is the one so far, which must end with a whole batch. */
  rotate(current: LogFile): LogFile {
    current.assertWhole()
    this.#assertInPlace()
    const next = this.#create(this.#generation + 1)
    this.#current = next
    this.#generation++
    this.#olderBytes += current.size
    return next
  }

  /** A base to be filled with everything that was before the last rotation. */
  beginBase(): LogFile {
    this.#assertInPlace()
    return LogFile.begin(logPath(this.directory, 'part', this.#generation))
  }

  /** The base is complete, and on the disk. */
  adoptBase(bytes: number): void {
    this.#assertInPlace()
    renameSync(logPath(this.directory, 'part', this.#generation), logPath(this.directory, 'base', this.#generation))
    // The new name has to reach the disk before what it replaces is gone.
    syncNames(this.directory)
    this.#baseBytes = bytes
    this.#olderBytes = 0
    removeBefore(this.directory, this.#generation)
  }

  /** In another directory of the same path, what a base replaces is not this broker's. */
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
