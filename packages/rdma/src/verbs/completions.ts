import { Buffer } from 'node:buffer'
import type { Context } from './context.js'
import { VerbError } from './faults.js'
import { COMP_CHANNEL, WC } from './layouts.js'
import type { Pointer } from './library.js'

/** Outcome of a work request. */
export interface Completion {
  /** The number with which the request was posted. */
  readonly id: number
  /** ibv_wc_status; 0 is success. */
  readonly status: number
  /** One of COMPLETED. Without meaning unless `status` is 0. */
  readonly opcode: number
  /** Bytes received. */
  readonly length: number
  /** Immediate data of a write or a message, if it has any. */
  readonly immediate: number
}

/** Most completions that one call takes from a queue. */
const BATCH = 32
const EAGAIN = 11
const WORDS = WC.size / 4

/**
 * A channel that reports through the event loop, without a thread, when one of its queues has
 * completions.
 */
export class CompletionChannel implements Disposable {
  readonly #context: Context
  readonly #pointer: Pointer
  readonly #queues = new Map<Pointer, CompletionQueue>()
  readonly #poll: { ref(): void; unref(): void; close(): void }
  readonly #event = Buffer.alloc(16)
  readonly #eventAddress: bigint
  readonly #busyMs: number
  /** Queues that are polled. */
  readonly #spinning = new Set<CompletionQueue>()
  #spinEnds = 0
  #isRef = true

  /**
   * @param busyMs milliseconds of polling after the last completion, before the wait for an event
   */
  constructor(context: Context, busyMs: number) {
    const { verbs } = context
    this.#context = context
    this.#busyMs = busyMs
    const pointer = verbs.ibv_create_comp_channel(context.pointer) as Pointer | null
    if (pointer === null) throw new VerbError('ibv_create_comp_channel', verbs.errno())
    this.#pointer = pointer
    this.#eventAddress = verbs.koffi.address(this.#event)
    const fd: number = verbs.koffi.decode(pointer, COMP_CHANNEL.at.fd, 'int')
    this.#poll = verbs.koffi.node.poll(fd, { readable: true }, () => this.#readable())
  }

  /** Makes a queue of up to `depth` completions. VerbError. */
  queue(depth: number, onCompletion: (completion: Completion) => void): CompletionQueue {
    const { verbs, pointer } = this.#context
    const cq = verbs.ibv_create_cq(pointer, depth, null, this.#pointer, 0) as Pointer | null
    if (cq === null) throw new VerbError('ibv_create_cq', verbs.errno())
    const queue = new CompletionQueue(this.#context, cq, onCompletion, () => {
      this.#queues.delete(cq)
      this.#spinning.delete(queue)
    })
    this.#queues.set(cq, queue)
    queue.arm()
    return queue
  }

  /** Sets whether the channel keeps the process alive. */
  hold(isHeld: boolean): void {
    if (isHeld === this.#isRef) return
    this.#isRef = isHeld
    if (isHeld) this.#poll.ref()
    else this.#poll.unref()
  }

  /** Destroys the channel. Its queues must be gone. */
  [Symbol.dispose](): void {
    this.#poll.close()
    this.#context.verbs.ibv_destroy_comp_channel(this.#pointer)
  }

  /**
   * Takes one event. If there are more, the descriptor stays readable, and this is called again.
   */
  #readable(): void {
    const { verbs } = this.#context
    const failed = verbs.ibv_get_cq_event(this.#pointer, this.#eventAddress, this.#eventAddress + 8n) as number
    if (failed !== 0) {
      const errno = verbs.errno()
      if (errno === EAGAIN) return
      throw new VerbError('ibv_get_cq_event', errno)
    }
    const cq = this.#event.readBigUInt64LE(0)
    verbs.ibv_ack_cq_events(cq, 1)
    const queue = this.#queues.get(cq)
    if (queue === undefined) return
    if (this.#busyMs > 0) this.#spin(queue)
    else queue.arm()
  }

  #spin(queue: CompletionQueue): void {
    queue.drain()
    this.#spinEnds = performance.now() + this.#busyMs
    if (this.#spinning.size === 0) setImmediate(this.#look)
    this.#spinning.add(queue)
  }

  readonly #look = (): void => {
    const now = performance.now()
    for (const queue of this.#spinning) {
      if (queue.drain() > 0) this.#spinEnds = now + this.#busyMs
    }
    if (now < this.#spinEnds) {
      if (this.#spinning.size > 0) setImmediate(this.#look)
      return
    }
    const all = [...this.#spinning]
    this.#spinning.clear()
    for (const queue of all) queue.arm()
  }
}

/**
 * The queue of the completions of one connection. Its maker disposes of it, after the queue pair.
 */
export class CompletionQueue implements Disposable {
  readonly pointer: Pointer
  readonly #context: Context
  readonly #onCompletion: (completion: Completion) => void
  readonly #onGone: () => void
  readonly #batch: Buffer
  readonly #batchAddress: bigint
  readonly #words: Uint32Array
  #isGone = false

  constructor(context: Context, pointer: Pointer, onCompletion: (completion: Completion) => void, onGone: () => void) {
    this.#context = context
    this.pointer = pointer
    this.#onCompletion = onCompletion
    this.#onGone = onGone
    this.#batch = Buffer.allocUnsafeSlow(BATCH * WC.size)
    this.#batchAddress = context.verbs.koffi.address(this.#batch)
    this.#words = new Uint32Array(this.#batch.buffer, this.#batch.byteOffset, BATCH * WORDS)
  }

  /** Asks for an event, and takes the completions that came before. */
  arm(): void {
    if (this.#isGone) return
    const errno = this.#context.calls.reqNotifyCq(this.pointer, 0)
    if (errno !== 0) throw new VerbError('ibv_req_notify_cq', errno)
    this.drain()
  }

  /** Takes all completions. Returns their number. */
  drain(): number {
    let taken = 0
    while (!this.#isGone) {
      const count = this.#context.calls.pollCq(this.pointer, BATCH, this.#batchAddress)
      if (count < 0) throw new VerbError('ibv_poll_cq', -count)
      taken += count
      this.#hand(count)
      // The queue is empty.
      if (count < BATCH) break
    }
    return taken
  }

  [Symbol.dispose](): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#onGone()
    const errno = this.#context.verbs.ibv_destroy_cq(this.pointer) as number
    if (errno !== 0) throw new VerbError('ibv_destroy_cq', errno)
  }

  #hand(count: number): void {
    const words = this.#words
    for (let i = 0; i < count && !this.#isGone; i++) {
      const at = i * WORDS
      this.#onCompletion({
        id: words[at] as number,
        status: words[at + WC.at.status / 4] as number,
        opcode: words[at + WC.at.opcode / 4] as number,
        length: words[at + WC.at.byteLength / 4] as number,
        immediate: swapped(words[at + WC.at.immediate / 4] as number),
      })
    }
  }
}

/** Swaps the bytes of a word. Immediate data is in the order of the network. */
export function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
