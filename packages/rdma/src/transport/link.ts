import { Buffer } from 'node:buffer'
import { broken } from '@dyad/core'
import type { Completion, CompletionQueue } from '../verbs/completions.js'
import type { CmEvent, CmId } from '../verbs/connection-manager.js'
import { ACCESS, COMPLETED } from '../verbs/constants.js'
import { CompletionError } from '../verbs/faults.js'
import { MemoryRegion, pageAligned } from '../verbs/memory.js'
import { type PostOptions, QueuePair, type SendRequest } from '../verbs/queue-pair.js'
import type { Adapter } from './adapter.js'
import { MAX_MESSAGE_BYTES } from './frames.js'

/** Who is told what comes over a link. */
export interface LinkHandlers {
  /** A whole message; its memory is the link's again when this returns. An error that it throws breaks the link. */
  message(bytes: Buffer): void
  /** A write of the peer, and all before it, is done. An error that it throws breaks the link. */
  written(immediate: number): void
  /** The link is gone. Called once, last, unless this side closed it. */
  lost(reason: Error): void
  /** What the connection manager tells beside that. */
  told(event: CmEvent): void
  /** Whether something is waited for, so that a peer that died silently must be noticed. */
  readonly isWaiting: boolean
}

/** A part of a message that waits to be sent. */
interface Part {
  readonly part: Buffer
  readonly goesOn: boolean
  /** What must be done before it. */
  readonly after: readonly SendRequest[]
}

/** Requests in the send queue, writes included. */
const SENDS = 128
/** Messages on their way in one direction. */
const MESSAGES = 64
/** Bytes that one send carries: the first says whether the message goes on. */
const PART_BYTES = 1024
/** Longest message that goes in one send, in bytes. */
export const SHORT_MESSAGE_BYTES = PART_BYTES - 1
/** How long a peer may be silent while something is waited for, before it is asked whether it is there, in ms. */
const SILENCE_MS = 1_000
/**
 * A packet without an answer is sent again after 4.096 µs · 2¹⁷ = 0.54 s, six times: a host that is gone is noticed four seconds after it was written to. Of a process
 * that ends, the connection manager tells at once. Half a second in all, as some use, is less than a busy host may take to answer.
 */
const ACK_TIMEOUT = 17
/** ibv_wc_status of what was under way when its queue pair ended. */
const FLUSHED = 5
const NOTHING = Buffer.alloc(0)

/** One end of a connection: messages both ways, and writes into memory that the peer granted. */
export class Link {
  readonly adapter: Adapter
  readonly #id: CmId
  readonly #handlers: LinkHandlers
  readonly #queue: CompletionQueue
  readonly #pair: QueuePair
  readonly #memory: Buffer
  readonly #region: MemoryRegion
  readonly #freeSlots: number[] = []
  readonly #unsent: Part[] = []
  #partial: Buffer = NOTHING
  #isHeard = true
  #isAsked = false
  #isGone = false
  #watch: NodeJS.Timeout | undefined

  /** Makes the queue pair of `id`, ready to receive. The link owns `id` from then on. VerbError, and then `id` is the caller's still. */
  constructor(adapter: Adapter, id: CmId, handlers: LinkHandlers) {
    const { context, channel } = adapter
    this.adapter = adapter
    this.#id = id
    this.#handlers = handlers
    this.#memory = pageAligned(context, 2 * MESSAGES * PART_BYTES)
    this.#region = MemoryRegion.ofBuffer(context, this.#memory, ACCESS.localWrite)
    try {
      this.#queue = channel.queue(SENDS + MESSAGES, (completion) => this.#completed(completion))
    } catch (error) {
      this.#region[Symbol.dispose]()
      throw error
    }
    try {
      id.setAckTimeout(ACK_TIMEOUT)
      const pair = id.createQueuePair(context, this.#queue, { sends: SENDS, receives: MESSAGES })
      this.#pair = new QueuePair(context, pair, SENDS)
      for (let i = 0; i < MESSAGES; i++) {
        this.#receive(i)
        this.#freeSlots.push(MESSAGES + i)
      }
    } catch (error) {
      id.destroyQueuePair()
      this.#queue[Symbol.dispose]()
      this.#region[Symbol.dispose]()
      throw error
    }
    id.onEvent = (event) => this.#event(event)
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Sends a message, which is the link's from then on, and what has to be done before it. */
  send(message: Buffer, after: readonly SendRequest[] = []): void {
    for (let at = 0; at < message.length; at += SHORT_MESSAGE_BYTES) {
      const goesOn = at + SHORT_MESSAGE_BYTES < message.length
      const part = message.subarray(at, at + SHORT_MESSAGE_BYTES)
      this.#unsent.push({ part, goesOn, after: at === 0 ? after : [] })
    }
    this.#flush()
  }

  /** Posts requests, in order. What fails breaks the link. */
  post(requests: readonly SendRequest[], options?: PostOptions): void {
    if (this.#isGone) {
      options?.done?.(FLUSHED)
      return
    }
    try {
      this.#pair.post(requests, options)
    } catch (error) {
      this.#lose(error as Error)
    }
  }

  /** From now on a peer that dies silently is noticed, for as long as something is waited for. */
  watch(): void {
    if (this.#watch !== undefined || this.#isGone) return
    this.#isHeard = true
    this.#watch = setInterval(() => this.#ask(), SILENCE_MS)
  }

  /** Ends the link; nothing reaches memory that it was given any more. Closing twice is no error. */
  close(): void {
    if (this.#isGone) return
    this.#isGone = true
    clearInterval(this.#watch)
    this.#id.onEvent = () => {}
    this.#id.disconnect()
    // In this order: what requests name may be used again only when the device is done with it.
    this.#id.destroyQueuePair()
    this.#queue[Symbol.dispose]()
    this.#region[Symbol.dispose]()
    this.#id.destroy()
    this.#unsent.length = 0
    this.#pair.break(FLUSHED)
  }

  #flush(): void {
    while (this.#unsent.length > 0 && !this.#isGone) {
      const slot = this.#freeSlots.pop()
      if (slot === undefined) return
      const { part, goesOn, after } = this.#unsent.shift() as Part
      const at = slot * PART_BYTES
      this.#memory[at] = goesOn ? 1 : 0
      part.copy(this.#memory, at + 1)
      const from = { region: this.#region, address: this.#region.address + at, length: part.length + 1 }
      const done = () => {
        this.#freeSlots.push(slot)
        this.#flush()
      }
      this.post([...after, { op: 'send', from }], { done, isSilent: true })
    }
  }

  #receive(slot: number): void {
    const address = this.#region.address + slot * PART_BYTES
    this.#pair.receive(slot, { region: this.#region, address, length: PART_BYTES })
  }

  #completed({ id, status, opcode, length, immediate }: Completion): void {
    if (status !== 0) {
      this.#lose(new CompletionError(status))
      return
    }
    this.#isHeard = true
    if (opcode < COMPLETED.recv) {
      this.#pair.completed(id, status)
      return
    }
    try {
      if (opcode === COMPLETED.recvImm) this.#handlers.written(immediate)
      else this.#received(id, length)
      if (!this.#isGone) this.#receive(id)
    } catch (error) {
      this.#lose(error as Error)
    }
  }

  #received(slot: number, length: number): void {
    const at = slot * PART_BYTES
    const goesOn = this.#memory[at] === 1
    const part = this.#memory.subarray(at + 1, at + length)
    if (this.#partial.length + part.length > MAX_MESSAGE_BYTES) throw broken('a message beyond the bound')
    const message = this.#partial.length === 0 ? part : Buffer.concat([this.#partial, part])
    this.#partial = goesOn ? Buffer.from(message) : NOTHING
    if (!goesOn) this.#handlers.message(message)
  }

  #event(event: CmEvent): void {
    if (event.name === 'DISCONNECTED') this.#lose(new Error('the peer ended the connection'))
    else if (event.name === 'DEVICE_REMOVAL') this.#lose(new Error('the device was removed'))
    else this.#handlers.told(event)
  }

  #ask(): void {
    if (!this.#handlers.isWaiting) {
      clearInterval(this.#watch)
      this.#watch = undefined
      return
    }
    const isSilent = !this.#isHeard
    this.#isHeard = false
    if (!isSilent || this.#isAsked) return
    this.#isAsked = true
    const done = () => {
      this.#isAsked = false
    }
    // A write of nothing needs no key, and is answered by the peer's device.
    this.post([{ op: 'write', from: undefined, to: { address: 0, rkey: 0 } }], { done })
  }

  #lose(reason: Error): void {
    if (this.#isGone) return
    console.error('LOST', this.#handlers.constructor.name, reason)
    this.close()
    this.#handlers.lost(reason)
  }
}
