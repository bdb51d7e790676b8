import type { Buffer } from 'node:buffer'
import type { Context } from '../verbs/context.js'
import { MemoryRegion, pageAligned, WINDOW_ACCESS } from '../verbs/memory.js'
import type { Span } from '../verbs/queue-pair.js'

const KiB = 1024
const MiB = 1024 * KiB
/** Sizes of slabs, in bytes. */
const SIZES = [64 * KiB, 512 * KiB, 2 * MiB, 8 * MiB] as const
const SMALLEST = SIZES[0]
/** Size of the largest slab, in bytes. One transfer has no more under way. */
export const LARGEST_SLAB_BYTES = 8 * MiB
/**
 * Memory that one side of a transport registers first for one device, in bytes: a slab of each
 * size.
 */
export const FIRST_SLAB_BYTES = SIZES.reduce((sum, size) => sum + size, 0)
/** Most memory that one side of a transport registers for one device, in bytes. */
export const MAX_SLAB_BYTES = 32 * MiB
/** Most of the memory left that one transfer takes, so that there is some for others. */
const SHARE = 1 / 4

/**
 * Registered memory for one holder, who gives it back once neither the device nor a reader uses it.
 */
export interface Slab extends Span {
  readonly bytes: Buffer
  release(): void
}

/**
 * Memory with a registration of its own. A device that ignores the bounds of a window keeps to
 * those of the region.
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
 * Memory that is registered once, when it is first needed, and handed out again and again. Its
 * maker disposes of it, once no queue pair can reach it any more.
 */
export class Slabs implements Disposable {
  readonly #context: Context
  readonly #free = new Map<number, Slot[]>(SIZES.map((size) => [size, []]))
  /** All slots, handed out or free. */
  readonly #slots = new Set<Slot>()
  readonly #waiters = new Set<Waiter>()
  /** Number of bytes handed out, and of bytes registered. */
  #used = 0
  #registered = 0

  /**
   * Registers a slab of each size, so that it fails at once if memory cannot be locked. VerbError,
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
   * Resolves with a slab of up to `wanted` bytes, less if many transfers want some, in the order of
   * the calls. Rejects with the signal's reason, or VerbError.
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

  /** Ends the registrations: no device reaches the memory, and readers keep theirs. */
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

  /** Registers a slot, in place of free ones of other sizes if there is no room. VerbError. */
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

/**
 * Returns the smallest size for `wanted` bytes within `limit`, but at least the smallest of all.
 */
function sizeFor(wanted: number, limit: number): number {
  let size: number = SMALLEST
  for (const next of SIZES) {
    if (next > limit || size >= wanted) break
    size = next
  }
  return size
}
