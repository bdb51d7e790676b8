import fs from 'node:fs'
import { promisify } from 'node:util'
import type { ConsumedFile, ConsumeOptions, DyadCore, FileRecord, KvsOutage } from '@dyad-ts/core'
import { descriptorClosed, giveBackController, takeController, withDescriptors } from '@dyad-ts/core/internal'
import { consumeToOpen } from './consume-to-open.js'
import { numericFlags, type OpenFlags } from './flags.js'

type Opened = (error: unknown, fd?: number) => void
type Tell = (...event: ['waiting' | 'storeBack'] | ['storeLost', KvsOutage] | ['record', FileRecord]) => void

const openFile = promisify(fs.open)

/**
 * The source of a stream of node:fs: a file that is consumed first, and may be read while it
 * arrives. The wait for it can be abandoned.
 */
export class ConsumingOpen {
  readonly #core: DyadCore
  readonly #timeout: number | undefined
  readonly #tell: Tell
  readonly #abort = takeController()
  #abandoned = false
  #opening = true
  #file: ConsumedFile | undefined

  /**
   * @param tell called with each event in a microtask, so that an exception in a listener is
   *   uncaught and does not fail the consuming
   */
  constructor(core: DyadCore, timeout: number | undefined, tell: Tell) {
    this.#core = core
    this.#timeout = timeout
    this.#tell = tell
  }

  /** Whether it was abandoned. */
  get abandoned(): boolean {
    return this.#abandoned
  }

  /** The file that DYAD reads; undefined for an open file of node:fs. */
  get file(): ConsumedFile | undefined {
    return this.#file
  }

  /** Ends the wait for the file at once: Node waits for the open before it closes. */
  abandon(): void {
    if (this.#opening) this.#abort.abort()
  }

  /** The option `fs` of the stream. */
  readonly fs = {
    open: (path: string, flags: OpenFlags, mode: number, callback: Opened): void => {
      this.#open(path, flags, mode).then(
        (fd) => {
          this.#opening = false
          giveBackController(this.#abort)
          process.nextTick(callback, null, fd)
        },
        (error: unknown) => {
          this.#opening = false
          this.#abandoned = this.#abort.signal.aborted
          process.nextTick(callback, error)
        },
      )
    },
    read: fs.read,
    close: (fd: number, done: (error?: unknown) => void): void => {
      if (this.#file === undefined) closeAndTell(fd, done)
      else this.#file.close(done)
    },
  }

  async #open(path: string, flags: OpenFlags, mode: number): Promise<number> {
    const numeric = numericFlags(flags)
    const options: ConsumeOptions = {
      timeout: this.#timeout,
      signal: this.#abort.signal,
      onWaiting: () => queueMicrotask(() => this.#tell('waiting')),
      onStoreLost: (outage) => this.#tell('storeLost', outage),
      onStoreBack: () => this.#tell('storeBack'),
      onRecord: (record) => queueMicrotask(() => this.#tell('record', record)),
    }
    const file = numeric === fs.constants.O_RDONLY ? await this.#core.locateConsumed(path) : undefined
    if (file !== undefined) {
      this.#file = await this.#core.openConsumed(file, options)
      return this.#file.fd
    }
    const found = await consumeToOpen(this.#core, path, numeric, options)
    this.#abort.signal.throwIfAborted()
    return withDescriptors(() => openFile(found, flags, mode), this.#abort.signal)
  }
}

function closeAndTell(fd: number, done: (error?: unknown) => void): void {
  fs.close(fd, (error) => {
    descriptorClosed()
    done(error)
  })
}
