import type { Buffer } from 'node:buffer'
import type { Context } from '../verbs/context.js'
import { MemoryRegion, pageAligned, WINDOW_ACCESS } from '../verbs/memory.js'
import type { Span } from '../verbs/queue-pair.js'

/** Memory that is registered for one device at one side of a transport, in bytes. What is not locked already counts against RLIMIT_MEMLOCK. */
export const SLAB_BYTES = 32 * 1024 * 1024
/** What is handed out is a multiple of this, in bytes. */
const UNIT_BYTES = 64 * 1024
/** Nobody takes more than this part of what is free, so that there is something for all. */
const SHARE = 1 / 4

/** A part of a slab. Whoever took it gives it back, once neither the device nor a reader uses it. */
export interface Piece extends Span {
  readonly bytes: Buffer
  release(): void
}

interface Waiter {
  readonly wanted: number
  readonly granted: (piece: Piece) => void
  readonly signal: AbortSignal
  readonly aborted: () => void
}

/** Memory that is registered once, and handed out again and again. Whoever made it disposes of it, when no queue pair can reach it any more. */
export class Slab implements Disposable {
  readonly #region: MemoryRegion
  readonly #memory: Buffer
  /** Which units are handed out. */
  readonly #taken: Uint8Array
  readonly #waiters = new Set<Waiter>()
  #free: number

  /** VerbError; where memory cannot be locked, with the limit. */
  constructor(context: Context, length = SLAB_BYTES) {
    this.#memory = pageAligned(context, length)
    this.#region = MemoryRegion.ofBuffer(context, this.#memory, WINDOW_ACCESS)
    this.#taken = new Uint8Array(length / UNIT_BYTES)
    this.#free = this.#taken.length
  }

  /** Takes up to `wanted` bytes, less where many want some, at least one unit; rejects with the signal's reason. First come, first served. */
  acquire(wanted: number, signal: AbortSignal): Promise<Piece> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const piece = this.#waiters.size === 0 ? this.#take(wanted) : undefined
    if (piece !== undefined) return Promise.resolve(piece)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        wanted,
        granted: resolve,
        signal,
        aborted: () => {
          this.#waiters.delete(waiter)
          reject(signal.reason)
        },
      }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', waiter.aborted, { once: true })
    })
  }

  [Symbol.dispose](): void {
    this.#region[Symbol.dispose]()
  }

  #take(wanted: number): Piece | undefined {
    if (this.#free === 0) return undefined
    let units = Math.min(Math.ceil(wanted / UNIT_BYTES), Math.max(1, Math.floor(this.#free * SHARE)))
    let first = this.#gap(units)
    while (first === undefined) {
      units = Math.ceil(units / 2)
      first = this.#gap(units)
    }
    return this.#piece(first, units, wanted)
  }

  /** Where so many free units lie side by side; one always does. */
  #gap(units: number): number | undefined {
    let run = 0
    for (let i = 0; i < this.#taken.length; i++) {
      run = this.#taken[i] === 0 ? run + 1 : 0
      if (run === units) return i + 1 - units
    }
    return undefined
  }

  #piece(first: number, units: number, wanted: number): Piece {
    this.#taken.fill(1, first, first + units)
    this.#free -= units
    const start = first * UNIT_BYTES
    const length = Math.min(wanted, units * UNIT_BYTES)
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      this.#taken.fill(0, first, first + units)
      this.#free += units
      this.#serve()
    }
    const bytes = this.#memory.subarray(start, start + length)
    return { region: this.#region, address: this.#region.address + start, length, bytes, release }
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const piece = this.#take(waiter.wanted)
      if (piece === undefined) return
      this.#waiters.delete(waiter)
      waiter.signal.removeEventListener('abort', waiter.aborted)
      waiter.granted(piece)
    }
  }
}
