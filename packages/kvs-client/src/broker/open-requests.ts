import { DyadError } from '@dyad-ts/core'
import { busy } from './busy.js'
import { Stream, Wait } from './exchanges.js'
import type { Newcomer } from './leases.js'

/** Most requests of one session under way at once. */
const MAX_OPEN = 131_072
/** Most lists and watches among them. The broker notifies every watch of each change. */
const MAX_STREAMS = 1_024
/** Most memory of their keys and values, in bytes. */
const MAX_BYTES = 64 * 1024 * 1024

type Open = Wait | Stream | Newcomer

/**
 * The requests of a session that are under way, by id. Bounds keep one client from taking more than
 * its share of the broker.
 */
export class OpenRequests {
  readonly #all = new Map<number, Open>()
  #streams = 0
  #bytes = 0

  get(id: number): Open | undefined {
    return this.#all.get(id)
  }

  /** ERR_DYAD_PROTOCOL if that id is under way already, ERR_DYAD_BUSY beyond the bounds. */
  add(id: number, open: Open): void {
    this.checkFree(id)
    const bytes = bytesOf(open)
    const isStream = open instanceof Stream
    if (this.#all.size >= MAX_OPEN) throw busy(`${MAX_OPEN} requests`)
    if (isStream && this.#streams >= MAX_STREAMS) throw busy(`${MAX_STREAMS} lists and watches`)
    if (this.#bytes + bytes > MAX_BYTES) throw busy(`keys and values of ${MAX_BYTES / 1024 / 1024} MiB`)
    this.#all.set(id, open)
    this.#bytes += bytes
    if (isStream) this.#streams++
  }

  /** ERR_DYAD_PROTOCOL if that id is under way already. */
  checkFree(id: number): void {
    if (this.#all.has(id)) throw new DyadError('ERR_DYAD_PROTOCOL', { detail: `request ${id} is under way already` })
  }

  /** Removes and returns one. */
  take(id: number): Open | undefined {
    const open = this.#all.get(id)
    if (open === undefined) return undefined
    this.#all.delete(id)
    this.#bytes -= bytesOf(open)
    if (open instanceof Stream) this.#streams--
    return open
  }

  /** Ends all of them. */
  close(): void {
    for (const open of this.#all.values()) open.close()
    this.#all.clear()
    this.#bytes = 0
    this.#streams = 0
  }
}

/** Counts two bytes a character, as strings take at most. */
function bytesOf(open: Open): number {
  if (open instanceof Wait) return 2 * open.key.length
  if (open instanceof Stream) return 2 * open.prefix.length
  return 2 * open.request.key.length + open.request.value.length
}
