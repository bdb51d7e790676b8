import { Buffer } from 'node:buffer'
import { ACCESS, MW_TYPE_2 } from './constants.js'
import type { Context } from './context.js'
import { VerbError } from './faults.js'
import { MR, MW } from './layouts.js'
import { type Pointer, unavailable } from './library.js'
import { lockedMemoryLimit } from './locked-memory.js'

const PAGE_BYTES = 4096

/** Memory that a device may reach, from the registration to the disposal. */
export class MemoryRegion implements Disposable {
  /**
   * Registered regions, which hold their memory. Neither an address nor a registration keeps it
   * from being collected.
   */
  static readonly #alive = new Set<MemoryRegion>()
  readonly pointer: Pointer
  /** Address of the first byte, a safe integer. */
  readonly address: number
  readonly length: number
  readonly lkey: number
  readonly rkey: number
  readonly #context: Context
  /** The memory, held so that it is not collected before the disposal. */
  protected readonly memory: unknown

  private constructor(context: Context, pointer: Pointer, address: number, length: number, memory: unknown) {
    const { decode } = context.verbs.koffi
    this.#context = context
    this.memory = memory
    this.pointer = pointer
    this.address = address
    this.length = length
    this.lkey = decode(pointer, MR.at.lkey, 'uint32_t')
    this.rkey = decode(pointer, MR.at.rkey, 'uint32_t')
    // With another layout of regions the device would write elsewhere.
    if (BigInt(decode(pointer, MR.at.addr, 'uint64_t')) !== BigInt(address)) {
      context.verbs.ibv_dereg_mr(pointer)
      throw unavailable('ibv_mr has another layout')
    }
    MemoryRegion.#alive.add(this)
  }

  /**
   * Registers `buffer`, and holds it until the disposal. VerbError, which names the limit if the
   * memory cannot be locked.
   */
  static ofBuffer(context: Context, buffer: Buffer, access: number): MemoryRegion {
    return MemoryRegion.at(context, addressOf(context, buffer), buffer.length, access, buffer)
  }

  /**
   * Registers memory that is mapped at `address`, and must stay mapped until the disposal.
   * VerbError.
   */
  static at(context: Context, address: number, length: number, access: number, memory?: unknown): MemoryRegion {
    const { verbs } = context
    const pointer = verbs.ibv_reg_mr(context.pd, BigInt(address), length, access) as Pointer | null
    if (pointer === null) {
      const errno = verbs.errno()
      throw new VerbError('ibv_reg_mr', errno, errno === ENOMEM ? limitHint(length) : `${length} bytes`)
    }
    return new MemoryRegion(context, pointer, address, length, memory)
  }

  [Symbol.dispose](): void {
    if (!MemoryRegion.#alive.delete(this)) return
    this.#context.verbs.ibv_dereg_mr(this.pointer)
  }
}

/** A key to a part of a region for the peer of one queue pair, which can be withdrawn. */
export class MemoryWindow implements Disposable {
  readonly pointer: Pointer
  readonly #context: Context
  /** Key of the next bind. Each bind has another. */
  #rkey: number

  constructor(context: Context) {
    this.#context = context
    const pointer = context.calls.allocMw(context.pd, MW_TYPE_2)
    if (pointer === null) throw new VerbError('ibv_alloc_mw', context.verbs.errno())
    this.pointer = pointer
    this.#rkey = context.verbs.koffi.decode(pointer, MW.at.rkey, 'uint32_t')
  }

  /** Returns the key for the next bind. The lowest byte counts up. */
  nextKey(): number {
    // Providers read the key of the last bind where the library left the first one.
    this.#context.verbs.koffi.encode(this.pointer, MW.at.rkey, 'uint32_t', this.#rkey)
    this.#rkey = ((this.#rkey & 0xffff_ff00) | ((this.#rkey + 1) & 0xff)) >>> 0
    return this.#rkey
  }

  [Symbol.dispose](): void {
    this.#context.calls.deallocMw(this.pointer)
  }
}

/** Access bits of a region that the peer may reach only through windows. */
export const WINDOW_ACCESS = ACCESS.localWrite | ACCESS.mwBind

/** Returns a buffer that begins at a page, outside of the pool of small buffers. */
export function pageAligned(context: Context, length: number): Buffer {
  const room = Buffer.allocUnsafeSlow(length + PAGE_BYTES)
  const skip = (PAGE_BYTES - (addressOf(context, room) % PAGE_BYTES)) % PAGE_BYTES
  return room.subarray(skip, skip + length)
}

function addressOf({ verbs }: Context, buffer: Buffer): number {
  const address = Number(verbs.koffi.address(buffer))
  if (!Number.isSafeInteger(address)) throw new Error('an address beyond 2^53')
  return address
}

const ENOMEM = 12

/** Returns why memory cannot be locked, and what to do. */
function limitHint(length: number): string {
  const limit = lockedMemoryLimit()
  if (limit === undefined) return `${length} bytes`
  return `${length} bytes cannot be locked where RLIMIT_MEMLOCK is ${limit} bytes; raise it (ulimit -l unlimited, memlock in /etc/security/limits.conf, LimitMEMLOCK= of a unit)`
}
