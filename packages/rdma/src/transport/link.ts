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

/** Handlers of the events of a link. */
export interface LinkHandlers {
  /**
   * Takes a whole message. Its memory is the handler's until it returns. An error that it throws
   * breaks the link.
   */
  message(bytes: Buffer): void
  /** A write of the peer, and all before it, are done. An error that it throws breaks the link. */
  written(immediate: number): void
  /** The link is gone. Called once, last, unless this side closed it. */
  lost(reason: Error): void
  /** Takes the other events of the connection manager. */
  told(event: CmEvent): void
  /** Whether this side waits for the peer, and so must notice if the peer dies silently. */
  readonly isWaiting: boolean
}

/** Requests or a part of a message that wait to be posted. */
interface Outgoing {
  /** The requests. With a part of a message, those that must go before it. */
  readonly requests: readonly SendRequest[]
  readonly options: PostOptions | undefined
  /** Bytes of a message, copied into a slot when their turn comes. */
  readonly part: { readonly bytes: Buffer; readonly goesOn: boolean } | undefined
  /** Whether it uses one of the peer's receives. */
  readonly isTold: boolean
}

/** Room of the send queue, in requests, writes included. */
const SENDS = 128
/**
 * Receives that each side posts. The peer may send as many messages until it learns of receives
 * posted anew, since the device would try a receiver without a receive again and again.
 */
const MESSAGES = 64
/**
 * Most bytes of one send: whether the message goes on (1), the number of receives posted anew (1),
 * and a part of a message.
 */
const PART_BYTES = 1024
const PART_HEAD_BYTES = 2
/** Longest message that goes in one send, in bytes. */
export const SHORT_MESSAGE_BYTES = PART_BYTES - PART_HEAD_BYTES
/** Kind of a send: the last part of a message, a part that others follow, or no part. */
const PART = { last: 0, goesOn: 1, none: 2 } as const
/** The slot of sends that only announce receives. */
const CREDIT_SLOT = 2 * MESSAGES
/**
 * Time of silence, while this side waits for the peer, after which the link asks for a sign of
 * life, in ms.
 */
const SILENCE_MS = 1_000
/**
 * The device sends a packet without an answer again after 4.096 µs · 2¹⁷ = 0.54 s, six times. So it
 * notices a host that is gone four seconds after a write to it. The connection manager reports a
 * process that ends at once. Half a second in all, as some use, is less than a busy host may take
 * to answer.
 */
const ACK_TIMEOUT = 17
/** Status of requests that were under way when their queue pair ended. It does not tell why. */
const FLUSHED = WC_STATUS.indexOf('WR_FLUSH_ERR')
const NOTHING = Buffer.alloc(0)

/** One end of a connection: messages both ways, and writes into memory that the peer grants. */
export class Link {
  readonly adapter: Adapter
  /** Windows that are open to the peer. */
  readonly windows = new Set<MemoryWindow>()
  readonly #id: CmId
  readonly #handlers: LinkHandlers
  readonly #queue: CompletionQueue
  readonly #pair: QueuePair
  readonly #memory: Buffer
  readonly #region: MemoryRegion
  readonly #freeSlots: number[] = []
  readonly #outgoing: Outgoing[] = []
  /** Free receives of the peer, and receives posted here that the peer does not know of. */
  #credits = MESSAGES
  #owed = 0
  #isTelling = false
  #partial: Buffer = NOTHING
  #isHeard = true
  #isAsked = false
  #isGone = false
  #watch: NodeJS.Timeout | undefined

  /**
   * Makes the queue pair of `id`, ready to receive. The link owns `id` from then on. VerbError;
   * `id` stays the caller's then.
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

  /** Sends a message, which is the link's from then on, and before it the requests in `before`. */
  send(message: Buffer, before: readonly SendRequest[] = []): void {
    for (let at = 0; at < message.length; at += SHORT_MESSAGE_BYTES) {
      const bytes = message.subarray(at, at + SHORT_MESSAGE_BYTES)
      const part = { bytes, goesOn: at + SHORT_MESSAGE_BYTES < message.length }
      this.#outgoing.push({ requests: at === 0 ? before : [], options: undefined, part, isTold: true })
    }
    this.#flush()
  }

  /** Posts requests, in order with the messages. A failure breaks the link. */
  post(requests: readonly SendRequest[], options?: PostOptions): void {
    const last = requests.at(-1)
    const isTold = last?.op === 'write' && last.immediate !== undefined
    this.#outgoing.push({ requests, options, part: undefined, isTold })
    this.#flush()
  }

  /** Notices from now on if the peer dies silently, while this side waits for it. */
  watch(): void {
    if (this.#watch !== undefined || this.#isGone) return
    this.#isHeard = true
    this.#watch = setInterval(() => this.#ask(), SILENCE_MS)
  }

  /** Ends the link. The peer reaches no memory any more. Closing twice is no error. */
  close(): void {
    if (this.#isGone) return
    this.#isGone = true
    clearInterval(this.#watch)
    this.#id.onEvent = () => {}
    this.#id.disconnect()
    // Windows first: as long as one is bound to it, a queue pair of rxe takes 50 s to destroy.
    for (const window of this.windows) window[Symbol.dispose]()
    this.windows.clear()
    // First, since memory that requests name may be used again only once the device is done.
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
      // The last receive of the peer is for a send that announces receives.
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

  /** Announces receives that were posted anew, if no other send does. */
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
    // A message of several parts has memory of its own already.
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
    // An empty write needs no key, and the peer's device answers it.
    this.#post([{ op: 'write', from: undefined, to: { address: 0, rkey: 0 } }], { done })
  }

  #lose(reason: Error): void {
    if (this.#isGone) return
    this.close()
    this.#handlers.lost(reason)
  }
}
