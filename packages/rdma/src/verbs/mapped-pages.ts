import type { Context } from './context.js'
import { VerbError } from './faults.js'
import type { Pointer, Verbs } from './library.js'
import { MemoryRegion } from './memory.js'
import type { Span } from './queue-pair.js'

const PAGE_BYTES = 4096
// mmap(2) on Linux.
const PROT = { read: 1, write: 2 } as const
const MAP_SHARED = 1
const MAP_POPULATE = 0x8000
const MAP_FAILED = 2n ** 64n - 1n

/** A part of a file, mapped and registered. The device reads and writes the file itself there. */
export class MappedPages implements Span, Disposable {
  readonly region: MemoryRegion
  readonly address: number
  readonly length: number
  readonly #verbs: Verbs
  readonly #base: Pointer
  readonly #mapped: number

  /**
   * Maps `length` bytes of the open file `fd` from `position` on, for writing if `access` is given,
   * else for reading. For writing, it allocates the bytes first, and makes the file longer if need
   * be. The caller may close the descriptor afterwards. VerbError, with ENOSPC if the file system
   * is full.
   */
  constructor(context: Context, fd: number, position: number, length: number, access: number | undefined) {
    const { verbs } = context
    const skip = position % PAGE_BYTES
    const isWritten = access !== undefined
    if (isWritten) {
      // A page that cannot be allocated later would be a fault without a reason.
      const errno = verbs.posix_fallocate(fd, position, length) as number
      if (errno !== 0) throw new VerbError('posix_fallocate', errno)
    }
    const protection = isWritten ? PROT.read | PROT.write : PROT.read
    this.#verbs = verbs
    this.#mapped = length + skip
    this.#base = verbs.mmap(null, this.#mapped, protection, MAP_SHARED | MAP_POPULATE, fd, position - skip) as Pointer
    if (this.#base === MAP_FAILED) throw new VerbError('mmap', verbs.errno())
    this.address = Number(this.#base) + skip
    this.length = length
    try {
      this.region = MemoryRegion.at(context, this.address, length, access ?? 0)
    } catch (error) {
      verbs.munmap(this.#base, this.#mapped)
      throw error
    }
  }

  /** Unmaps the pages. No queue pair may use them any more. */
  [Symbol.dispose](): void {
    this.region[Symbol.dispose]()
    this.#verbs.munmap(this.#base, this.#mapped)
  }
}
