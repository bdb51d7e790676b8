import { Buffer } from 'node:buffer'
import { CompletionChannel, type CompletionQueue } from './completions.js'
import { type CmEvent, type CmId, EventChannel } from './connection-manager.js'
import { COMPLETED } from './constants.js'
import { Context } from './context.js'
import type { Pointer, Verbs } from './library.js'
import { MemoryRegion, pageAligned } from './memory.js'
import { QueuePair, type SendRequest, type Span } from './queue-pair.js'

/** Options of {@link LoopbackEnd}. */
export interface LoopbackOptions {
  /** Room of the send queue, in requests. */
  readonly sends: number
  /** Number of receives that are posted. */
  readonly receives: number
  /** Longest message that it receives, in bytes. */
  readonly messageBytes: number
  /**
   * Size of the registered memory, in bytes. Messages are received into the first
   * `receives · messageBytes`.
   */
  readonly memoryBytes: number
  /** ACCESS bits of the memory. */
  readonly access: number
  /** See {@link CompletionChannel}. @default 0 */
  readonly busyMs?: number
}

/** Time that each step of connecting may take, in ms. */
const ANSWER_MS = 5_000

/** One end of a connection that uses nothing but the binding. Its maker disposes of it. */
export class LoopbackEnd implements Disposable {
  readonly context: Context
  readonly memory: Buffer
  readonly region: MemoryRegion
  readonly pair: QueuePair
  /** Called for each receive, with an immediate or the length of a message. */
  onReceived: (what: number) => void = () => {}
  /** Called with each message, whose memory is not used again. */
  onMessage: (bytes: Buffer) => void = () => {}
  /** Called when nothing can be sent any more. */
  onBroken: () => void = () => {}
  readonly #id: CmId
  readonly #channel: CompletionChannel
  readonly #queue: CompletionQueue

  /** Owns `id` from now on. VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  constructor(id: CmId, { sends, receives, messageBytes, memoryBytes, access, busyMs = 0 }: LoopbackOptions) {
    this.#id = id
    this.context = new Context(id.verbs, id.device as Pointer)
    this.#channel = new CompletionChannel(this.context, busyMs)
    this.#queue = this.#channel.queue(sends + receives, ({ id: number, status, opcode, immediate, length }) => {
      if (status !== 0) {
        this.pair.break(status)
        this.onBroken()
      } else if (opcode < COMPLETED.recv) this.pair.completed(number, status)
      else if (opcode === COMPLETED.recvImm) this.onReceived(immediate)
      else {
        this.onReceived(length)
        this.onMessage(this.memory.subarray(number * messageBytes, number * messageBytes + length))
      }
    })
    const pair = id.createQueuePair(this.context, this.#queue, { sends, receives })
    this.pair = new QueuePair(this.context, pair, sends)
    this.memory = pageAligned(this.context, memoryBytes)
    this.region = MemoryRegion.ofBuffer(this.context, this.memory, access)
    for (let i = 0; i < receives; i++) this.pair.receive(i, this.span(i * messageBytes, messageBytes))
  }

  span(at: number, length: number): Span {
    return { region: this.region, address: this.region.address + at, length }
  }

  /** Posts requests. Resolves with the status of the last. */
  post(...requests: SendRequest[]): Promise<number> {
    return new Promise((done) => this.pair.post(requests, { done }))
  }

  [Symbol.dispose](): void {
    this.#id.destroyQueuePair()
    this.#queue[Symbol.dispose]()
    this.region[Symbol.dispose]()
    this.#channel[Symbol.dispose]()
    this.context[Symbol.dispose]()
    this.#id.destroy()
  }
}

/**
 * Two connected ends in this process, over the verbs device of one of its own addresses. They show
 * what the binding, the device and the connection manager do without the transport.
 */
export class Loopback<End extends LoopbackEnd> implements Disposable {
  readonly a: End
  readonly b: End
  readonly #channel: EventChannel
  readonly #listener: CmId

  private constructor(a: End, b: End, channel: EventChannel, listener: CmId) {
    this.a = a
    this.b = b
    this.#channel = channel
    this.#listener = listener
  }

  /** Connects the device at `address` with itself. VerbError, UnexpectedEvent. */
  static async connect<End extends LoopbackEnd>(
    verbs: Verbs,
    address: string,
    makeEnd: (id: CmId) => End,
  ): Promise<Loopback<End>> {
    const channel = new EventChannel(verbs)
    const listener = channel.createId()
    listener.bind(address, 0)
    listener.listen(1)
    const id = channel.createId()
    await nextEvent(id, 'ADDR_RESOLVED', () => id.resolveAddress(address, listener.port, ANSWER_MS))
    await nextEvent(id, 'ROUTE_RESOLVED', () => id.resolveRoute(ANSWER_MS))
    const a = makeEnd(id)
    const established = nextEvent(id, 'ESTABLISHED', () => {})
    const { request } = await nextEvent(listener, 'CONNECT_REQUEST', () => id.connect(Buffer.from('loopback')))
    const accepted = request as CmId
    const b = makeEnd(accepted)
    await nextEvent(accepted, 'ESTABLISHED', () => accepted.accept(Buffer.from('loopback')))
    await established
    return new Loopback(a, b, channel, listener)
  }

  [Symbol.dispose](): void {
    this.a[Symbol.dispose]()
    this.b[Symbol.dispose]()
    this.#listener.destroy()
    this.#channel[Symbol.dispose]()
  }
}

/** Another event came than the expected one, or none. */
export class UnexpectedEvent extends Error {
  override readonly name = 'UnexpectedEvent'
  readonly event: CmEvent | undefined

  constructor(wanted: string, event: CmEvent | undefined) {
    super(`${event === undefined ? 'nothing' : `${event.name}, status ${event.status},`} came instead of ${wanted}`)
    this.event = event
  }
}

/**
 * Begins a step, and resolves with the event of that name. UnexpectedEvent if another event comes,
 * or none in five seconds.
 */
export function nextEvent(id: CmId, name: CmEvent['name'], begin: () => void): Promise<CmEvent> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new UnexpectedEvent(name, undefined)), ANSWER_MS)
    id.onEvent = (event) => {
      clearTimeout(timer)
      if (event.name === name) resolve(event)
      else reject(new UnexpectedEvent(name, event))
    }
    begin()
  })
}
