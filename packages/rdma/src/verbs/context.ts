import { VerbError } from './faults.js'
import { CONTEXT } from './layouts.js'
import { type Address, type Pointer, unavailable, type Verbs } from './library.js'

/** Functions that verbs.h calls through the context of a device. They return errno, positive. */
export interface ContextCalls {
  pollCq(cq: Pointer, entries: number, completions: Address): number
  reqNotifyCq(cq: Pointer, solicitedOnly: number): number
  postSend(qp: Pointer, requests: Address, bad: Address): number
  postRecv(qp: Pointer, requests: Address, bad: Address): number
  allocMw(pd: Pointer, type: number): Pointer | null
  deallocMw(mw: Pointer): number
}

const PROTOTYPES = {
  pollCq: ['int', ['void *', 'int', 'void *']],
  reqNotifyCq: ['int', ['void *', 'int']],
  postSend: ['int', ['void *', 'void *', 'void *']],
  postRecv: ['int', ['void *', 'void *', 'void *']],
  allocMw: ['void *', ['void *', 'int']],
  deallocMw: ['int', ['void *']],
} as const

/** An opened device with a protection domain of its own. The device stays its opener's. */
export class Context implements Disposable {
  readonly verbs: Verbs
  readonly pointer: Pointer
  readonly pd: Pointer
  readonly calls: ContextCalls

  /** Makes the protection domain. VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  constructor(verbs: Verbs, pointer: Pointer) {
    this.verbs = verbs
    this.pointer = pointer
    this.calls = callsOf(verbs, pointer)
    const pd = verbs.ibv_alloc_pd(pointer) as Pointer | null
    if (pd === null) throw new VerbError('ibv_alloc_pd', verbs.errno())
    this.pd = pd
  }

  [Symbol.dispose](): void {
    this.verbs.ibv_dealloc_pd(this.pd)
  }
}

/** Decodes the functions, once for a device. Calling one costs a third of `koffi.call`. */
function callsOf({ koffi }: Verbs, context: Pointer): ContextCalls {
  const calls: Record<string, unknown> = {}
  for (const [name, [result, parameters]] of Object.entries(PROTOTYPES)) {
    const offset = CONTEXT.at[name as keyof typeof PROTOTYPES]
    const pointer = koffi.decode(context, offset, 'void *') as Pointer | null
    if (pointer === null) throw unavailable(`the provider of the device has no ${name}`)
    calls[name] = koffi.decode(pointer, koffi.proto(result, [...parameters]))
  }
  return calls as unknown as ContextCalls
}
