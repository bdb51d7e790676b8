import { renameSync } from 'node:fs'
import { basename } from 'node:path'
import type { Operations } from './log-batch.js'
import { findFiles, logPath, missingFile, removeBefore, syncNames } from './log-directory.js'
import { LogFile } from './log-file.js'
import { LogReader } from './log-reader.js'
import { damaged, type Replayed, replay } from './log-replay.js'
import { saveTail } from './log-tail.js'

/** A log that was replayed. */
interface ReplayedLog extends Replayed {
  readonly path: string
  readonly mark: Buffer
}

/**
 * The files of a log. `base.N` holds everything that was before `log.N`, which `log.N+1` continues; without a base, everything is in the logs from
 * `log.0` on. A base is made beside the others and gets its name when it is complete, whereupon all before it are needless.
 */
export class LogFiles {
  readonly directory: string
  #generation = 0
  /** Bytes of the base, and of the logs after it but for the one that is appended to. */
  #baseBytes = 0
  #olderBytes = 0
  /** What was cut off, in words. */
  readonly cuts: string[] = []

  constructor(directory: string) {
    this.directory = directory
  }

  /**
   * Replays what there is; returns the log to append to. The end of a write that did not finish is kept beside its file and cut off. ERR_DYAD_LOG if a
   * file is missing, or damaged before something that is not.
   */
  open(into: Operations): LogFile {
    const found = findFiles(this.directory)
    const { base, logs } = found
    const missing = missingFile(found)
    if (missing !== undefined) throw damaged(this.directory, `${missing} is missing, which others there continue`)
    if (base > 0) this.#baseBytes = this.#replayBase(base, into)
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
    for (const log of replayed) if (log.end < log.size) this.#cut(log)
    const last = replayed.pop()
    for (const { end } of replayed) this.#olderBytes += end
    this.#generation = logs.at(-1) ?? base
    removeBefore(this.directory, base)
    return last === undefined ? this.#create(this.#generation) : LogFile.resume(last.path, last.mark, last.end)
  }

  /** Takes the place of all files there, which cannot be opened: what is written from now on comes after them. */
  supersede(): LogFile {
    const { base, logs } = findFiles(this.directory)
    this.#generation = (logs.at(-1) ?? base) + 1
    return this.#create(this.#generation)
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
    const next = this.#create(this.#generation + 1)
    this.#generation++
    this.#olderBytes += current.size
    return next
  }

  /** A base to be filled with everything that was before the last rotation. */
  beginBase(): LogFile {
    return LogFile.begin(logPath(this.directory, 'part', this.#generation))
  }

  /** The base is complete, and on the disk. */
  adoptBase(bytes: number): void {
    renameSync(logPath(this.directory, 'part', this.#generation), logPath(this.directory, 'base', this.#generation))
    // The new name has to reach the disk before what it replaces is gone.
    syncNames(this.directory)
    this.#baseBytes = bytes
    this.#olderBytes = 0
    removeBefore(this.directory, this.#generation)
  }

  #create(number: number): LogFile {
    return LogFile.create(logPath(this.directory, 'log', number), logPath(this.directory, 'new', number))
  }

  #replayBase(number: number, into: Operations): number {
    using reader = new LogReader(logPath(this.directory, 'base', number))
    const { end, size } = replay(reader, into)
    // It got its name when it was complete.
    if (end < size) throw damaged(reader.path, `is damaged at byte ${end}`)
    return size
  }

  #replayLog(number: number, into: Operations): ReplayedLog & { readonly holdsAny: boolean } {
    using reader = new LogReader(logPath(this.directory, 'log', number))
    const { begin, end, size } = replay(reader, into)
    return { path: reader.path, mark: reader.mark, begin, end, size, holdsAny: end > begin }
  }

  #cut({ path, mark, end, size }: ReplayedLog): void {
    const saved = saveTail(path, end, size)
    LogFile.resume(path, mark, end).drop()
    const what = `${size - end} bytes at the end of ${path}, of a write that did not finish, were cut off`
    this.cuts.push(`${what}; they are in ${basename(saved)}`)
  }
}
