import { createRequire } from 'node:module'
import { DyadError } from '@dyad-ts/core'
import { prepareLateModule } from '@dyad-ts/core/internal'
import type * as Koffi from 'koffi'
import { layoutFault } from './layouts.js'

/** An address in this process, as koffi returns it. */
export type Pointer = bigint

/** An argument of a function that takes an address. */
export type Address = Pointer | Uint8Array | null

// biome-ignore format: one line each, as in the headers
const IBVERBS = {
  ibv_get_device_list: ['void *', ['void *']],
  ibv_free_device_list: ['void', ['void *']],
  ibv_get_device_name: ['str', ['void *']],
  ibv_open_device: ['void *', ['void *']],
  ibv_close_device: ['int', ['void *']],
  ibv_query_device: ['int', ['void *', 'void *']],
  ibv_query_port: ['int', ['void *', 'uint8_t', 'void *']],
  _ibv_query_gid_ex: ['int', ['void *', 'uint32_t', 'uint32_t', 'void *', 'uint32_t', 'size_t']],
  ibv_alloc_pd: ['void *', ['void *']],
  ibv_dealloc_pd: ['int', ['void *']],
  ibv_reg_mr: ['void *', ['void *', 'void *', 'size_t', 'int']],
  ibv_dereg_mr: ['int', ['void *']],
  ibv_create_comp_channel: ['void *', ['void *']],
  ibv_destroy_comp_channel: ['int', ['void *']],
  ibv_create_cq: ['void *', ['void *', 'int', 'void *', 'void *', 'int']],
  ibv_destroy_cq: ['int', ['void *']],
  ibv_get_cq_event: ['int', ['void *', 'void *', 'void *']],
  ibv_ack_cq_events: ['void', ['void *', 'unsigned int']],
} as const

// biome-ignore format: one line each, as in the headers
const RDMACM = {
  rdma_create_event_channel: ['void *', []],
  rdma_destroy_event_channel: ['void', ['void *']],
  rdma_create_id: ['int', ['void *', 'void *', 'void *', 'int']],
  rdma_destroy_id: ['int', ['void *']],
  rdma_bind_addr: ['int', ['void *', 'void *']],
  rdma_listen: ['int', ['void *', 'int']],
  rdma_resolve_addr: ['int', ['void *', 'void *', 'void *', 'int']],
  rdma_resolve_route: ['int', ['void *', 'int']],
  rdma_create_qp: ['int', ['void *', 'void *', 'void *']],
  rdma_destroy_qp: ['void', ['void *']],
  rdma_connect: ['int', ['void *', 'void *']],
  rdma_accept: ['int', ['void *', 'void *']],
  rdma_reject: ['int', ['void *', 'void *', 'uint8_t']],
  rdma_disconnect: ['int', ['void *']],
  rdma_set_option: ['int', ['void *', 'int', 'int', 'void *', 'size_t']],
  rdma_get_cm_event: ['int', ['void *', 'void *']],
  rdma_ack_cm_event: ['int', ['void *']],
  rdma_get_src_port: ['uint16_t', ['void *']],
} as const

// biome-ignore format: one line each, as in the headers
const LIBC = {
  mmap: ['void *', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t']],
  munmap: ['int', ['void *', 'size_t']],
  posix_fallocate: ['int', ['int', 'int64_t', 'int64_t']],
} as const

type Functions<Table> = { readonly [Name in keyof Table]: (...args: unknown[]) => unknown }

/** The libraries, loaded and checked. */
export interface Verbs extends Functions<typeof IBVERBS>, Functions<typeof RDMACM>, Functions<typeof LIBC> {
  readonly koffi: typeof Koffi
  /** Returns errno of the last call. */
  errno(): number
}

let loaded: Verbs | undefined

/**
 * Loads libibverbs and librdmacm, once for a process. ERR_DYAD_RDMA_UNAVAILABLE with the cause if
 * one is missing or has another layout.
 */
export function loadVerbs(): Verbs {
  loaded ??= load()
  return loaded
}

/** Returns an ERR_DYAD_RDMA_UNAVAILABLE. */
export function unavailable(detail: string, cause?: unknown): DyadError {
  return new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail, cause })
}

function load(): Verbs {
  let koffi: typeof Koffi
  try {
    prepareLateModule()
    koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  } catch (cause) {
    throw unavailable(
      `koffi cannot be loaded on ${process.platform} ${process.arch}: ${(cause as Error).message}`,
      cause,
    )
  }
  const fault = layoutFault(koffi as never)
  if (fault !== undefined) throw unavailable(`the structures of verbs lie elsewhere on ${process.arch}: ${fault}`)
  return {
    ...functionsOf(koffi, 'libibverbs.so.1', IBVERBS),
    ...functionsOf(koffi, 'librdmacm.so.1', RDMACM),
    ...functionsOf(koffi, 'libc.so.6', LIBC),
    koffi,
    errno: () => koffi.errno(),
  }
}

/**
 * Returns the functions of `table` in a library. ERR_DYAD_RDMA_UNAVAILABLE if the library or one of
 * them is missing.
 */
export function functionsOf<Table extends Record<string, readonly [string, readonly string[]]>>(
  koffi: typeof Koffi,
  file: string,
  table: Table,
): Functions<Table> {
  let library: Koffi.LibraryHandle
  try {
    library = koffi.load(file)
  } catch (cause) {
    throw unavailable(`${file} cannot be loaded`, cause)
  }
  try {
    const entries = Object.entries(table).map(([name, [result, parameters]]) => [
      name,
      library.func(name, result, [...parameters]),
    ])
    return Object.fromEntries(entries) as Functions<Table>
  } catch (cause) {
    throw unavailable(`${file} is of another version`, cause)
  }
}
