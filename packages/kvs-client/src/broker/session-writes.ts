import { DyadError } from '@dyad-ts/core'
import type { Answers } from './answers.js'
import { busy } from './busy.js'
import type { Space } from './messages.js'
import type { Store } from './store.js'

/** Most writes of one session under way at once, and most bytes of their values. */
const MAX_WRITES = 131_072
const MAX_BYTES = 64 * 1024 * 1024

/** Makes the writes of one session, and bounds those under way. */
export class SessionWrites {
  readonly #store: Store
  readonly #answers: Answers
  #writes = 0
  #bytes = 0

  constructor(store: Store, answers: Answers) {
    this.#store = store
    this.#answers = answers
  }

  /** Throws ERR_DYAD_BUSY, and as {@link Store.put} does. */
  put(id: number, space: Space, key: string, value: Uint8Array): void {
    const bytes = this.#check(value.length)
    this.#store.put(named(space), key, value, (error, revision) => {
      this.#count(-1, bytes)
      if (error === undefined) this.#answers.send({ op: 'stored', id, revision, epoch: this.#store.epoch })
      else this.#answers.refuse(id, error)
    })
    // Counted once no error is possible. An answer at once has uncounted the write already.
    this.#count(1, bytes)
  }

  /** Throws ERR_DYAD_BUSY, and as {@link Store.delete} does. */
  delete(id: number, space: Space, key: string): void {
    this.#check(0)
    this.#store.delete(named(space), key, (error, before) => {
      this.#count(-1, 0)
      if (error === undefined) this.#answers.send({ op: 'done', id, result: before !== undefined })
      else this.#answers.refuse(id, error)
    })
    this.#count(1, 0)
  }

  /** Answers when a namespace is created or removed. Throws ERR_DYAD_BUSY, and as `work` does. */
  change(id: number, work: () => Promise<void>): void {
    this.#check(0)
    const changed = work()
    this.#count(1, 0)
    changed.then(
      () => {
        this.#count(-1, 0)
        this.#answers.send({ op: 'done', id, result: true })
      },
      (error) => {
        this.#count(-1, 0)
        this.#answers.refuse(id, error)
      },
    )
  }

  /** Returns `bytes`. ERR_DYAD_BUSY beyond the bounds. */
  #check(bytes: number): number {
    if (this.#writes >= MAX_WRITES) throw busy(`${MAX_WRITES} writes`)
    if (this.#bytes + bytes > MAX_BYTES) throw busy(`writes of ${MAX_BYTES / 1024 / 1024} MiB`)
    return bytes
  }

  #count(writes: 1 | -1, bytes: number): void {
    this.#writes += writes
    this.#bytes += writes * bytes
  }
}

/** Returns the namespace's name. Only registrations, which have leases, write to the registry. */
function named(space: Space): string {
  if (space === null) throw new DyadError('ERR_DYAD_KEY', { detail: 'the registry is written by register' })
  return space
}
