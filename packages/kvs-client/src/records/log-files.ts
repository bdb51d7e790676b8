import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Operations } from './log-batch.js'
import { LogFile } from './log-file.js'

const NAME = /^(base|log)\.(\d{1,9})$/

/**
 * The files of a log. `base.N` holds everything that was before `log.N`, which `log.N+1` continues; without a base, everything is in the logs.
 * A base is made beside the others and gets its name when it is complete, whereupon all before it are needless.
 */
export class LogFiles {
  readonly #directory: string
  #generation = 0
  /** Bytes of the base, and of the logs after it but for the one that is appended to. */
  #baseBytes = 0
  #olderBytes = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Replays what there is; returns the log to append to. */
  open(into: Operations): LogFile {
    const found = readdirSync(this.#directory).flatMap((file) => {
      const [, kind, number] = NAME.exec(file) ?? []
      return kind === undefined ? [] : [{ file, kind, number: Number(number) }]
    })
    const base = Math.max(0, ...found.filter(({ kind }) => kind === 'base').map(({ number }) => number))
    if (base > 0) {
      const file = LogFile.open(this.#path('base', base), into, true)
      this.#baseBytes = file.size
      file.drop()
    }
    const logs = found.filter(({ kind, number }) => kind === 'log' && number >= base).map(({ number }) => number)
    logs.sort((a, b) => a - b)
    const last = logs.pop()
    this.#generation = last ?? base
    for (const number of logs) {
      const file = LogFile.open(this.#path('log', number), into, false)
      this.#olderBytes += file.size
      file.drop()
    }
    this.#removeBefore(base)
    const path = this.#path('log', this.#generation)
    return last === undefined ? LogFile.create(path) : LogFile.open(path, into, false)
  }

  /** Bytes of the base. */
  get baseBytes(): number {
    return this.#baseBytes
  }

  /** Bytes of the logs that are not appended to any more. */
  get olderBytes(): number {
    return this.#olderBytes
  }

  /** A new log to append to; `current` is the one so far. */
  rotate(current: LogFile): LogFile {
    const next = LogFile.create(this.#path('log', this.#generation + 1))
    this.#generation++
    this.#olderBytes += current.size
    return next
  }

  /** A base to be filled with everything that was before the last rotation. */
  beginBase(): LogFile {
    return LogFile.create(this.#path('part', this.#generation))
  }

  /** The base is complete, and on the disk. */
  adoptBase(bytes: number): void {
    renameSync(this.#path('part', this.#generation), this.#path('base', this.#generation))
    this.#syncNames()
    this.#baseBytes = bytes
    this.#olderBytes = 0
    this.#removeBefore(this.#generation)
  }

  /** The new name has to reach the disk before what it replaces is gone. */
  #syncNames(): void {
    const fd = openSync(this.#directory, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  #removeBefore(generation: number): void {
    for (const file of readdirSync(this.#directory)) {
      const [, , number] = NAME.exec(file) ?? []
      if (file.startsWith('part.') || (number !== undefined && Number(number) < generation)) {
        rmSync(join(this.#directory, file), { force: true })
      }
    }
  }

  #path(kind: 'base' | 'log' | 'part', number: number): string {
    return join(this.#directory, `${kind}.${number}`)
  }
}
