import { Buffer } from 'node:buffer'
import { ACCESS, MW_TYPE_2 } from './constants.js'
import type { Context } from './context.js'
import { VerbError } from './faults.js'
import { MR, MW } from './layouts.js'
import { type Pointer, unavailable } from './library.js'
import { lockedMemoryLimit } from './locked-memory.js'

const PAGE_BYTES = 4096

/** Memory that a device may reach, from its registration to its disposal. */
export class MemoryRegion implements Disposable {
  /**
   * Registered regions hold their memory here: neither an address nor a registration keeps it from
   * being collected.
   */
  static readonly #alive = new Set<MemoryRegion>()
  readonly pointer: Pointer
  /** Address of its first byte; a safe integer. */
  readonly address: number
  readonly length: number
  readonly lkey: number
  readonly rkey: number
  readonly #context: Context
  /** What must not be collected before this is disposed of. */
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
    // A library that lays regions out differently would have the device write elsewhere.
    if (BigInt(decode(pointer, MR.at.addr, 'uint64_t')) !== BigInt(address)) {
      context.verbs.ibv_dereg_mr(pointer)
      throw unavailable('ibv_mr has another layout')
    }
    MemoryRegion.#alive.add(this)
  }

  /**
   * Registers `buffer`, which stays where it is and is kept until it is disposed of. VerbError,
   * which names the limit if that is what is in the way.
   */
  static ofBuffer(context: Context, buffer: Buffer, access: number): MemoryRegion {
    return MemoryRegion.at(context, addressOf(context, buffer), buffer.length, access, buffer)
  }

  /**
   * Registers what is mapped at `address`; it must stay mapped until this is disposed of.
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

/** A key to a part of a region that can be given to the peer of one queue pair, and withdrawn. */
export class MemoryWindow implements Disposable {
  readonly pointer: Pointer
  readonly #context: Context
  /** The key that the next bind gives; each bind has another. */
  #rkey: number

  constructor(context: Context) {
    this.#context = context
    const pointer = context.calls.allocMw(context.pd, MW_TYPE_2)
    if (pointer === null) throw new VerbError('ibv_alloc_mw', context.verbs.errno())
    this.pointer = pointer
    this.#rkey = context.verbs.koffi.decode(pointer, MW.at.rkey, 'uint32_t')
  }

  /** The key for the next bind: its lowest byte counts. */
  nextKey(): number {
    // Providers look for the key that the last bind gave where the library left the first.
    this.#context.verbs.koffi.encode(this.pointer, MW.at.rkey, 'uint32_t', this.#rkey)
    this.#rkey = ((this.#rkey & 0xffff_ff00) | ((this.#rkey + 1) & 0xff)) >>> 0
    return this.#rkey
  }

  [Symbol.dispose](): void {
    this.#context.calls.deallocMw(this.pointer)
  }
}

/** Access of a region that the peer may reach through windows alone. */
export const WINDOW_ACCESS = ACCESS.localWrite | ACCESS.mwBind

/** A buffer that begins at a page, outside of the pool that small buffers share. */
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

/** What stands in the way of memory that cannot be locked, and what to do about it. */
function limitHint(length: number): string {
  const limit = lockedMemoryLimit()
  if (limit === undefined) return `${length} bytes`
  return `${length} bytes cannot be locked where RLIMIT_MEMLOCK is ${limit} bytes; raise it (ulimit -l unlimited, memlock in /etc/security/limits.conf, LimitMEMLOCK= of a unit)`
}
