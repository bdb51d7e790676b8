import fs from 'node:fs'
import type { DyadCore, FileRecord } from '@dyad/core'
import { consumeToOpen } from './consume-to-open.js'
import { numericFlags, type OpenFlags } from './flags.js'

type Opened = (error: unknown, fd?: number) => void
type Tell = (...event: ['waiting'] | ['record', FileRecord]) => void

/** The `open` of a stream of node:fs that consumes first; can be abandoned as long as it does. */
export class ConsumingOpen {
  readonly #core: DyadCore
  readonly #timeout: number | undefined
  readonly #tell: Tell
  readonly #abort = new AbortController()
  #abandoned = false

  /** @param tell told of events, each in a microtask of its own, so that what it throws is uncaught and not an error of consuming */
  constructor(core: DyadCore, timeout: number | undefined, tell: Tell) {
    this.#core = core
    this.#timeout = timeout
    this.#tell = tell
  }

  /** Whether it ended because it was abandoned. */
  get abandoned(): boolean {
    return this.#abandoned
  }

  /** Ends the open at once, unless the file is being opened already. */
  abandon(): void {
    this.#abort.abort()
  }

  readonly open = (path: string, flags: OpenFlags, mode: number, callback: Opened): void => {
    this.#consume(path, flags)
      .then((found) => fs.open(found, flags, mode, callback))
      .catch((error: unknown) => {
        this.#abandoned = this.#abort.signal.aborted
        process.nextTick(callback, error)
      })
  }

  async #consume(path: string, flags: OpenFlags): Promise<string | URL> {
    const found = await consumeToOpen(this.#core, path, numericFlags(flags), {
      timeout: this.#timeout,
      signal: this.#abort.signal,
      onWaiting: () => queueMicrotask(() => this.#tell('waiting')),
      onRecord: (record) => queueMicrotask(() => this.#tell('record', record)),
    })
    this.#abort.signal.throwIfAborted()
    return found
  }
}
