import fs from 'node:fs'
import { promisify } from 'node:util'
import type { DyadCore, FileRecord, StagedFile } from '@dyad/core'
import { numericFlags, type OpenFlags } from './flags.js'
import { stageToOpen } from './stage-to-open.js'

type Done = (error?: unknown) => void
type Opened = (error: unknown, fd?: number) => void

const closeFile = promisify(fs.close)
const syncFile = promisify(fs.fsync)

/** What a stream of node:fs writes to: a staged file, which is closed once, and then published or discarded. */
export class StagedOutput {
  readonly #core: DyadCore
  readonly #flush: boolean
  #fd: number | undefined
  #staged: StagedFile | undefined
  #abandoned = false
  #publishing: Promise<FileRecord | undefined> | undefined

  /** @param flush whether the bytes are to be on stable storage before the file is closed */
  constructor(core: DyadCore, flush: boolean) {
    this.#core = core
    this.#flush = flush
  }

  /** For the option `fs` of the stream. */
  readonly fs = {
    open: (path: string, flags: OpenFlags, mode: number, callback: Opened): void => {
      this.#open(path, flags, mode).then(
        (fd) => process.nextTick(callback, null, fd),
        (error) => process.nextTick(callback, error),
      )
    },
    write: fs.write,
    writev: fs.writev,
    // Publishing has closed the file before the stream does.
    fsync: (fd: number, callback: Done): void => {
      if (fd === this.#fd) fs.fsync(fd, callback)
      else process.nextTick(callback)
    },
    close: (fd: number, callback: Done): void => {
      if (fd === this.#fd) {
        this.#fd = undefined
        fs.close(fd, callback)
      } else process.nextTick(callback)
    },
  }

  /** Keeps the file from being opened. */
  abandon(): void {
    this.#abandoned = true
  }

  /** Closes the file unless it is closed, and publishes it; resolves with the record if there is one and nobody was given it before. */
  async publish(): Promise<FileRecord | undefined> {
    if (this.#staged === undefined) return undefined
    if (this.#publishing !== undefined) {
      await this.#publishing
      return undefined
    }
    this.#publishing = this.#closeAndPublish(this.#staged)
    return this.#publishing
  }

  /** Leaves nothing of what was written, unless it is published, or being published: then resolves when that has ended one way or the other. */
  async discard(): Promise<void> {
    await this.#publishing?.catch(() => {})
    await this.#staged?.discard()
  }

  async #open(path: string, flags: OpenFlags, mode: number): Promise<number> {
    if (this.#abandoned) throw new Error('destroyed before it was opened')
    const staging = await stageToOpen(this.#core, path, numericFlags(flags))
    this.#staged = staging.staged
    try {
      this.#fd = await promisify(fs.open)(staging.path, staging.flags, mode)
      return this.#fd
    } catch (error) {
      await this.discard()
      throw staging.explain(error)
    }
  }

  async #closeAndPublish(staged: StagedFile): Promise<FileRecord | undefined> {
    const fd = this.#fd
    if (fd !== undefined) {
      if (this.#flush) await syncFile(fd)
      this.#fd = undefined
      await closeFile(fd)
    }
    return staged.publish()
  }
}
