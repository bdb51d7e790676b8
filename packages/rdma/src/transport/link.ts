import { Buffer } from 'node:buffer'
import { broken } from '@dyad-ts/core/internal'
import type { Completion, CompletionQueue } from '../verbs/completions.js'
import type { CmEvent, CmId } from '../verbs/connection-manager.js'
import { ACCESS, COMPLETED } from '../verbs/constants.js'
import { CompletionError, WC_STATUS } from '../verbs/faults.js'
import { MemoryRegion, type MemoryWindow, pageAligned } from '../verbs/memory.js'
import { type PostOptions, QueuePair, type SendRequest } from '../verbs/queue-pair.js'
import type { Adapter } from './adapter.js'
import { MAX_MESSAGE_BYTES } from './frames.js'

/** Who is told what comes over a link. */
export interface LinkHandlers {
  /**
   * A whole message; its memory is the link's again when this returns. An error that it throws
   * breaks the link.
   */
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

/** Something that waits for its turn to be posted. */
interface Outgoing {
  /** What is posted; for a part of a message, what must be done before it. */
  readonly requests: readonly SendRequest[]
  readonly options: PostOptions | undefined
  /** Bytes of a message, which are copied into a slot when their turn comes. */
  readonly part: { readonly bytes: Buffer; readonly goesOn: boolean } | undefined
  /** Whether it takes one of the peer's receives. */
  readonly isTold: boolean
}

/** Requests in the send queue, writes included. */
const SENDS = 128
/**
 * Receives that each side has posted: what the other may send before it hears that some were posted
 * anew. A receiver without one would have to be tried again and again.
 */
const MESSAGES = 64
/**
 * Bytes that one send carries: whether the message goes on (1), how many receives were posted anew
 * (1), and a part of a message.
 */
const PART_BYTES = 1024
const PART_HEAD_BYTES = 2
/** Longest message that goes in one send, in bytes. */
export const SHORT_MESSAGE_BYTES = PART_BYTES - PART_HEAD_BYTES
/** A part of a message: the last one, one that others follow, or none. */
const PART = { last: 0, goesOn: 1, none: 2 } as const
/** The slot of what tells of receives alone. */
const CREDIT_SLOT = 2 * MESSAGES
/**
 * How long a peer may be silent while something is waited for, before it is asked whether it is
 * there, in ms.
 */
const SILENCE_MS = 1_000
/**
 * A packet without an answer is sent again after 4.096 µs · 2¹⁷ = 0.54 s, six times: a host that is
 * gone is noticed four seconds after it was written to. Of a process that ends, the connection
 * manager tells at once. Half a second in all, as some use, is less than a busy host may take to
 * answer.
 */
const ACK_TIMEOUT = 17
/** What was under way when its queue pair ended; of itself it says nothing about why. */
const FLUSHED = WC_STATUS.indexOf('WR_FLUSH_ERR')
const NOTHING = Buffer.alloc(0)

/** One end of a connection: messages both ways, and writes into memory that the peer granted. */
export class Link {
  readonly adapter: Adapter
  /** What is open to the peer. */
  readonly windows = new Set<MemoryWindow>()
  readonly #id: CmId
  readonly #handlers: LinkHandlers
  readonly #queue: CompletionQueue
  readonly #pair: QueuePair
  readonly #memory: Buffer
  readonly #region: MemoryRegion
  readonly #freeSlots: number[] = []
  readonly #outgoing: Outgoing[] = []
  /** Receives that the peer has, and those posted here that it has not heard of. */
  #credits = MESSAGES
  #owed = 0
  #isTelling = false
  #partial: Buffer = NOTHING
  #isHeard = true
  #isAsked = false
  #isGone = false
  #watch: NodeJS.Timeout | undefined

  /**
   * Makes the queue pair of `id`, ready to receive. The link owns `id` from then on. VerbError, and
   * then `id` is the caller's still.
   */
  constructor(adapter: Adapter, id: CmId, handlers: LinkHandlers) {
    const { context, channel } = adapter
    this.adapter = adapter
    this.#id = id
    this.#handlers = handlers
    this.#memory = pageAligned(context, (CREDIT_SLOT + 1) * PART_BYTES)
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
  send(message: Buffer, before: readonly SendRequest[] = []): void {
    for (let at = 0; at < message.length; at += SHORT_MESSAGE_BYTES) {
      const bytes = message.subarray(at, at + SHORT_MESSAGE_BYTES)
      const part = { bytes, goesOn: at + SHORT_MESSAGE_BYTES < message.length }
      this.#outgoing.push({ requests: at === 0 ? before : [], options: undefined, part, isTold: true })
    }
    this.#flush()
  }

  /** Posts requests, in order with the messages. What fails breaks the link. */
  post(requests: readonly SendRequest[], options?: PostOptions): void {
    const last = requests.at(-1)
    const isTold = last?.op === 'write' && last.immediate !== undefined
    this.#outgoing.push({ requests, options, part: undefined, isTold })
    this.#flush()
  }

  /** From now on a peer that dies silently is noticed, for as long as something is waited for. */
  watch(): void {
    if (this.#watch !== undefined || this.#isGone) return
    this.#isHeard = true
    this.#watch = setInterval(() => this.#ask(), SILENCE_MS)
  }

  /**
   * Ends the link; nothing reaches memory that it was given any more. Closing twice is no error.
   */
  close(): void {
    if (this.#isGone) return
    this.#isGone = true
    clearInterval(this.#watch)
    this.#id.onEvent = () => {}
    this.#id.disconnect()
    // Windows first: as long as one is bound to it, a queue pair of rxe takes 50 s to destroy.
    for (const window of this.windows) window[Symbol.dispose]()
    this.windows.clear()
    // In this order: what requests name may be used again only when the device is done with it.
    this.#id.destroyQueuePair()
    this.#queue[Symbol.dispose]()
    this.#region[Symbol.dispose]()
    this.#id.destroy()
    this.#pair.break(FLUSHED)
    this.#flush()
  }

  #flush(): void {
    for (;;) {
      const next = this.#outgoing[0]
      if (next === undefined) return
      if (this.#isGone) {
        this.#outgoing.shift()
        next.options?.done?.(FLUSHED)
        continue
      }
      // The last receive of the peer is for telling it of receives here.
      if (next.isTold && this.#credits <= 1) return
      if (next.part === undefined) {
        this.#outgoing.shift()
        if (next.isTold) this.#credits--
        this.#post(next.requests, next.options)
        continue
      }
      const slot = this.#freeSlots.pop()
      if (slot === undefined) return
      this.#outgoing.shift()
      const { bytes, goesOn } = next.part
      const done = () => {
        this.#freeSlots.push(slot)
        this.#flush()
      }
      this.#sendPart(slot, goesOn ? PART.goesOn : PART.last, bytes, next.requests, { done, isSilent: true })
    }
  }

  #sendPart(slot: number, kind: number, bytes: Buffer, before: readonly SendRequest[], options: PostOptions): void {
    const at = slot * PART_BYTES
    this.#memory[at] = kind
    this.#memory[at + 1] = this.#owed
    bytes.copy(this.#memory, at + PART_HEAD_BYTES)
    this.#owed = 0
    this.#credits--
    const from = { region: this.#region, address: this.#region.address + at, length: PART_HEAD_BYTES + bytes.length }
    this.#post([...before, { op: 'send', from }], options)
  }

  #post(requests: readonly SendRequest[], options: PostOptions | undefined): void {
    try {
      this.#pair.post(requests, options)
    } catch (error) {
      this.#lose(error as Error)
    }
  }

  /** Tells the peer of receives that were posted anew, where nothing else does. */
  #tell(): void {
    if (this.#owed < MESSAGES / 2 || this.#isTelling || this.#credits === 0 || this.#isGone) return
    this.#isTelling = true
    const done = () => {
      this.#isTelling = false
      this.#tell()
    }
    this.#sendPart(CREDIT_SLOT, PART.none, NOTHING, [], { done })
  }

  #receive(slot: number): void {
    const address = this.#region.address + slot * PART_BYTES
    this.#pair.receive(slot, { region: this.#region, address, length: PART_BYTES })
  }

  #completed({ id, status, opcode, length, immediate }: Completion): void {
    if (status !== 0) {
      this.#lose(status === FLUSHED ? new Error('the peer broke the connection') : new CompletionError(status))
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
      if (this.#isGone) return
      this.#receive(id)
      this.#owed++
      this.#tell()
    } catch (error) {
      this.#lose(error as Error)
    }
  }

  #received(slot: number, length: number): void {
    const at = slot * PART_BYTES
    const kind = this.#memory[at]
    const credits = this.#memory[at + 1] as number
    if (length < PART_HEAD_BYTES || this.#credits + credits > MESSAGES) throw broken('a message without sense')
    this.#credits += credits
    if (kind !== PART.none)
      this.#receivedPart(this.#memory.subarray(at + PART_HEAD_BYTES, at + length), kind === PART.goesOn)
    this.#flush()
  }

  #receivedPart(part: Buffer, goesOn: boolean): void {
    if (this.#partial.length + part.length > MAX_MESSAGE_BYTES) throw broken('a message beyond the bound')
    const message = this.#partial.length === 0 ? part : Buffer.concat([this.#partial, part])
    // What was put together lies in memory of its own already.
    this.#partial = goesOn ? (message === part ? Buffer.from(part) : message) : NOTHING
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
    this.#post([{ op: 'write', from: undefined, to: { address: 0, rkey: 0 } }], { done })
  }

  #lose(reason: Error): void {
    if (this.#isGone) return
    this.close()
    this.#handlers.lost(reason)
  }
}
