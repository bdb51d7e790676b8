import type { Buffer } from 'node:buffer'
import type { Context } from '../verbs/context.js'
import { MemoryRegion, pageAligned, WINDOW_ACCESS } from '../verbs/memory.js'
import type { Span } from '../verbs/queue-pair.js'

const KiB = 1024
const MiB = 1024 * KiB
/** Sizes of slabs, in bytes. */
const SIZES = [64 * KiB, 512 * KiB, 2 * MiB, 8 * MiB] as const
const SMALLEST = SIZES[0]
/** The largest slab: what one transfer has under way at most, in bytes. */
export const LARGEST_SLAB_BYTES = 8 * MiB
/**
 * Memory that is registered for one device at one side of a transport at first: a slab of each
 * size, in bytes.
 */
export const FIRST_SLAB_BYTES = SIZES.reduce((sum, size) => sum + size, 0)
/** The same at most, as transfers want it. */
export const MAX_SLAB_BYTES = 32 * MiB
/** Nobody takes more than this part of what is left, so that there is something for all. */
const SHARE = 1 / 4

/**
 * A piece of registered memory that is its holder's alone. Whoever took it gives it back, once
 * neither the device nor a reader uses it.
 */
export interface Slab extends Span {
  readonly bytes: Buffer
  release(): void
}

/**
 * Memory with a registration of its own: whatever a device makes of the bounds of a window, it
 * knows those of a region.
 */
interface Slot {
  readonly memory: Buffer
  readonly region: MemoryRegion
}

interface Waiter {
  readonly wanted: number
  readonly granted: (slab: Slab) => void
  readonly failed: (error: unknown) => void
  readonly signal: AbortSignal
  readonly aborted: () => void
}

/**
 * Memory that is registered once, when it is first needed, and handed out again and again. Whoever
 * made it disposes of it, when no queue pair can reach it any more.
 */
export class Slabs implements Disposable {
  readonly #context: Context
  readonly #free = new Map<number, Slot[]>(SIZES.map((size) => [size, []]))
  /** Handed out or not. */
  readonly #slots = new Set<Slot>()
  readonly #waiters = new Set<Waiter>()
  /** Bytes that are handed out, and bytes that are registered. */
  #used = 0
  #registered = 0

  /**
   * Registers one of each size, so that memory that cannot be locked is told of at once. VerbError,
   * with the limit.
   */
  constructor(context: Context) {
    this.#context = context
    try {
      for (const [size, slots] of this.#free) slots.push(this.#register(size))
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /**
   * Takes a slab of up to `wanted` bytes, less where many want some; rejects with the signal's
   * reason, or VerbError. First come, first served.
   */
  acquire(wanted: number, signal: AbortSignal): Promise<Slab> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        wanted,
        granted: resolve,
        failed: reject,
        signal,
        aborted: () => {
          this.#waiters.delete(waiter)
          reject(signal.reason)
        },
      }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', waiter.aborted, { once: true })
      this.#serve()
    })
  }

  /** What a reader still looks at stays what it is, but no device reaches it any more. */
  [Symbol.dispose](): void {
    for (const { region } of this.#slots) region[Symbol.dispose]()
    this.#slots.clear()
    this.#free.clear()
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const left = MAX_SLAB_BYTES - this.#used
      if (left < SMALLEST) return
      this.#waiters.delete(waiter)
      waiter.signal.removeEventListener('abort', waiter.aborted)
      try {
        waiter.granted(this.#take(sizeFor(waiter.wanted, left * SHARE), waiter.wanted))
      } catch (error) {
        waiter.failed(error)
      }
    }
  }

  #take(size: number, wanted: number): Slab {
    const slot = this.#free.get(size)?.pop() ?? this.#register(size)
    this.#used += size
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      this.#used -= size
      this.#free.get(size)?.push(slot)
      this.#serve()
    }
    const length = Math.min(wanted, size)
    const { region, memory } = slot
    return { region, address: region.address, length, bytes: memory.subarray(0, length), release }
  }

  /** Makes room for it among those of other sizes that nobody uses. VerbError. */
  #register(size: number): Slot {
    for (const [other, slots] of this.#free) {
      while (this.#registered + size > MAX_SLAB_BYTES) {
        const slot = slots.pop()
        if (slot === undefined) break
        slot.region[Symbol.dispose]()
        this.#slots.delete(slot)
        this.#registered -= other
      }
    }
    const memory = pageAligned(this.#context, size)
    const slot = { memory, region: MemoryRegion.ofBuffer(this.#context, memory, WINDOW_ACCESS) }
    this.#slots.add(slot)
    this.#registered += size
    return slot
  }
}

/** The smallest size for `wanted` bytes, but none beyond `limit` other than the smallest. */
function sizeFor(wanted: number, limit: number): number {
  let size: number = SMALLEST
  for (const next of SIZES) {
    if (next > limit || size >= wanted) break
    size = next
  }
  return size
}
