import { Buffer } from 'node:buffer'
import { swapped } from './completions.js'
import { OPCODE, SEND_FLAG } from './constants.js'
import type { Context } from './context.js'
import { VerbError } from './faults.js'
import { RECV_WR, SEND_WR, SGE } from './layouts.js'
import type { Pointer } from './library.js'
import type { MemoryRegion, MemoryWindow } from './memory.js'

/** A part of registered memory. */
export interface Span {
  readonly region: MemoryRegion
  /** Address of the first byte. */
  readonly address: number
  readonly length: number
}

/** A request for the send queue. */
export type SendRequest =
  | { readonly op: 'send'; readonly from: Span }
  | {
      readonly op: 'write'
      /** Without it, the write is empty, and succeeds if the peer lives. */
      readonly from: Span | undefined
      readonly to: { readonly address: number; readonly rkey: number }
      /** Number that the peer gets with one of its receives. */
      readonly immediate?: number | undefined
    }
  | { readonly op: 'read'; readonly into: Span; readonly from: { readonly address: number; readonly rkey: number } }
  | {
      readonly op: 'bind'
      readonly window: MemoryWindow
      readonly rkey: number
      readonly span: Span
      /** ACCESS bits that the peer gets. */
      readonly access: number
    }
  | { readonly op: 'invalidate'; readonly rkey: number }

/** Options of {@link QueuePair.post}. */
export interface PostOptions {
  /** Called with the status once the last request and all before it are done or failed. */
  readonly done?: ((status: number) => void) | undefined
  /** Whether `done` may be called late, once a later request is done. @default false */
  readonly isSilent?: boolean | undefined
}

/** A request that waits for room in the queue. */
interface Waiting {
  readonly request: SendRequest
  readonly options: PostOptions
}

/** Most requests that one call posts. */
const CHAIN = 8
const SEND_WORDS = SEND_WR.size / 4
const SGE_WORDS = SGE.size / 4
const WORD = 2 ** 32

const SEND_AT = Object.fromEntries(Object.entries(SEND_WR.at).map(([name, at]) => [name, at / 4])) as Record<
  keyof typeof SEND_WR.at,
  number
>

/**
 * Memory of the requests that are being posted. post_send copies them before it returns, so that
 * all queue pairs share it.
 */
class Scratch {
  readonly sendAddress: bigint
  readonly recvAddress: bigint
  readonly bad: bigint
  readonly #sends = Buffer.alloc(CHAIN * SEND_WR.size)
  readonly #recv = Buffer.alloc(RECV_WR.size)
  readonly #sges = Buffer.alloc((CHAIN + 1) * SGE.size)
  readonly #bad = Buffer.alloc(8)
  readonly #sendWords = wordsOf(this.#sends)
  readonly #recvWords = wordsOf(this.#recv)
  readonly #sgeWords = wordsOf(this.#sges)
  readonly #sendBase: number
  readonly #sgeBase: number

  constructor({ verbs }: Context) {
    const { address } = verbs.koffi
    this.sendAddress = address(this.#sends)
    this.recvAddress = address(this.#recv)
    this.bad = address(this.#bad)
    this.#sendBase = Number(this.sendAddress)
    this.#sgeBase = Number(address(this.#sges))
  }

  recv(id: number, { region, address, length }: Span): void {
    const words = this.#recvWords
    words[RECV_WR.at.id / 4] = id
    this.#sge(CHAIN, address, length, region.lkey)
    put64(words, RECV_WR.at.sgList / 4, this.#sgeBase + CHAIN * SGE.size)
    words[RECV_WR.at.numSge / 4] = 1
  }

  send(index: number, id: number, isLast: boolean, isSignaled: boolean, request: SendRequest): void {
    const words = this.#sendWords.subarray(index * SEND_WORDS, (index + 1) * SEND_WORDS)
    words.fill(0)
    words[SEND_AT.id] = id
    if (!isLast) put64(words, SEND_AT.next, this.#sendBase + (index + 1) * SEND_WR.size)
    words[SEND_AT.flags] = isSignaled ? SEND_FLAG.signaled : 0
    switch (request.op) {
      case 'send':
        words[SEND_AT.opcode] = OPCODE.send
        this.#local(words, index, request.from)
        break
      case 'write':
        words[SEND_AT.opcode] = request.immediate === undefined ? OPCODE.write : OPCODE.writeImm
        if (request.immediate !== undefined) words[SEND_AT.immediate] = swapped(request.immediate)
        if (request.from !== undefined) this.#local(words, index, request.from)
        this.#remote(words, request.to)
        break
      case 'read':
        words[SEND_AT.opcode] = OPCODE.read
        this.#local(words, index, request.into)
        this.#remote(words, request.from)
        break
      case 'bind': {
        const { window, rkey, span, access } = request
        words[SEND_AT.opcode] = OPCODE.bindMw
        put64(words, SEND_AT.mw, Number(window.pointer))
        words[SEND_AT.mwRkey] = rkey
        put64(words, SEND_AT.mr, Number(span.region.pointer))
        put64(words, SEND_AT.mwAddr, span.address)
        put64(words, SEND_AT.mwLength, span.length)
        words[SEND_AT.mwAccess] = access
        break
      }
      case 'invalidate':
        words[SEND_AT.opcode] = OPCODE.localInv
        words[SEND_AT.immediate] = request.rkey
    }
  }

  #local(words: Uint32Array, index: number, { region, address, length }: Span): void {
    this.#sge(index, address, length, region.lkey)
    put64(words, SEND_AT.sgList, this.#sgeBase + index * SGE.size)
    words[SEND_AT.numSge] = 1
  }

  #remote(words: Uint32Array, { address, rkey }: { readonly address: number; readonly rkey: number }): void {
    put64(words, SEND_AT.remoteAddr, address)
    words[SEND_AT.rkey] = rkey
  }

  #sge(index: number, address: number, length: number, lkey: number): void {
    const at = index * SGE_WORDS
    put64(this.#sgeWords, at, address)
    this.#sgeWords[at + SGE.at.length / 4] = length
    this.#sgeWords[at + SGE.at.lkey / 4] = lkey
  }
}

/**
 * The two queues of a connected queue pair. Requests complete in the order in which they were
 * posted. Requests without room wait here, since devices do not always refuse them.
 */
export class QueuePair {
  readonly #context: Context
  readonly #pointer: Pointer
  readonly #depth: number
  readonly #scratch: Scratch
  /** The callback of each posted request, or null; oldest first. */
  readonly #posted: (PostOptions['done'] | null)[] = []
  readonly #waiting: Waiting[] = []
  /** Numbers of the next request, and of the oldest that is not done. */
  #next = 0
  #oldest = 0
  /** Number of requests since the last one with a completion. */
  #silent = 0
  /** Status with which every request fails, once the pair is broken. */
  #broken: number | undefined

  /** @param depth room of the send queue, in requests */
  constructor(context: Context, pointer: Pointer, depth: number) {
    this.#context = context
    this.#pointer = pointer
    this.#depth = depth
    this.#scratch = new Scratch(context)
  }

  /** Number of requests that are neither done nor failed. */
  get outstanding(): number {
    return this.#next - this.#oldest + this.#waiting.length
  }

  /** Posts a receive, for a message of the peer or a write with an immediate. VerbError. */
  receive(id: number, span: Span): void {
    this.#scratch.recv(id, span)
    const errno = this.#context.calls.postRecv(this.#pointer, this.#scratch.recvAddress, this.#scratch.bad)
    if (errno !== 0) throw new VerbError('ibv_post_recv', errno)
  }

  /**
   * Posts requests, one behind the other. Their memory must not change until `done`, or until a
   * later request is done. VerbError.
   */
  post(requests: readonly SendRequest[], options: PostOptions = {}): void {
    if (this.#broken !== undefined) {
      options.done?.(this.#broken)
      return
    }
    if (this.#waiting.length === 0 && requests.length <= Math.min(CHAIN, this.#room)) {
      this.#postChain(requests, options)
      return
    }
    for (let i = 0; i < requests.length; i++) {
      this.#waiting.push({ request: requests[i] as SendRequest, options: i === requests.length - 1 ? options : {} })
    }
    this.#flush()
  }

  /** A request of the send queue is done, and so are all before it. */
  completed(id: number, status: number): void {
    // Completions have 32 bits of the number.
    const count = ((id - this.#oldest) >>> 0) + 1
    if (count > this.#posted.length) throw new Error('a completion of what was not posted')
    this.#oldest += count
    for (const done of this.#posted.splice(0, count)) done?.(status)
    this.#flush()
  }

  /** Posts nothing any more. All requests that are not done fail with `status`. */
  break(status: number): void {
    this.#broken = status
    const posted = this.#posted.splice(0)
    const waiting = this.#waiting.splice(0)
    this.#oldest = this.#next
    for (const done of posted) done?.(status)
    for (const { options } of waiting) options.done?.(status)
  }

  get #room(): number {
    return this.#depth - (this.#next - this.#oldest)
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#room > 0 && this.#broken === undefined) {
      // One at a time, since each has a `done` of its own.
      const { request, options } = this.#waiting.shift() as Waiting
      this.#postChain([request], options)
    }
  }

  /** Posts requests that have room, with one call. */
  #postChain(requests: readonly SendRequest[], { done, isSilent }: PostOptions): void {
    const last = requests.length - 1
    for (let i = 0; i <= last; i++) {
      const isWanted = i === last && done !== undefined && !isSilent
      // With silent requests alone, nothing would tell that the queue has room again.
      const isSignaled = isWanted || ++this.#silent >= this.#depth / 4
      if (isSignaled) this.#silent = 0
      this.#scratch.send(i, (this.#next + i) >>> 0, i === last, isSignaled, requests[i] as SendRequest)
      this.#posted.push(i === last ? (done ?? null) : null)
    }
    this.#next += requests.length
    const errno = this.#context.calls.postSend(this.#pointer, this.#scratch.sendAddress, this.#scratch.bad)
    if (errno !== 0) throw new VerbError('ibv_post_send', errno)
  }
}

function wordsOf(buffer: Buffer): Uint32Array {
  return new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4)
}

function put64(words: Uint32Array, at: number, value: number): void {
  words[at] = value % WORD
  words[at + 1] = Math.floor(value / WORD)
}
