import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '@dyad-ts/core'
import { reasonOf } from '@dyad-ts/core/internal'
import { tell } from './output.js'

/** How long the owner of a file may send nothing before the command says so, in ms. */
const PATIENCE_MS = 1_500

/**
 * Says on stderr, once, that a command waits for the owner of the file at `path`. The maker calls
 * `end` once bytes arrive, and disposes of it.
 */
export class OwnerWait implements Disposable {
  #timer: NodeJS.Timeout | undefined
  #why = ''
  readonly #path: string
  readonly #say: (line: string) => void
  readonly #wanted = (message: unknown) => {
    const { record } = message as Diagnostics['dyad.transfer.wanted']
    if (record.path !== this.#path || this.#timer !== undefined) return
    const say = () => this.#say(`waiting for node ${record.owner}, which owns ${record.path}${this.#why} …`)
    this.#timer = setTimeout(say, PATIENCE_MS)
  }
  readonly #failed = (message: unknown) => {
    const { record, error } = message as Diagnostics['dyad.transfer.retry']
    if (record.path === this.#path) this.#why = ` (${reasonOf(error)})`
  }

  /**
   * @param path the managed path
   * @param say prints a line on stderr
   */
  constructor(path: string, say: (line: string) => void = tell) {
    this.#path = path
    this.#say = say
    subscribe('dyad.transfer.wanted', this.#wanted)
    subscribe('dyad.transfer.retry', this.#failed)
  }

  /** The owner has sent something. */
  end(): void {
    clearTimeout(this.#timer)
  }

  [Symbol.dispose](): void {
    this.end()
    unsubscribe('dyad.transfer.wanted', this.#wanted)
    unsubscribe('dyad.transfer.retry', this.#failed)
  }
}
