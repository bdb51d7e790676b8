import { Buffer } from 'node:buffer'
import { CompletionChannel, type CompletionQueue } from './completions.js'
import { type CmEvent, type CmId, EventChannel } from './connection-manager.js'
import { COMPLETED } from './constants.js'
import { Context } from './context.js'
import { type Pointer, unavailable, type Verbs } from './library.js'
import { MemoryRegion, pageAligned } from './memory.js'
import { QueuePair, type SendRequest, type Span } from './queue-pair.js'

/** How large the two ends are. */
export interface LoopbackOptions {
  /** Requests in each queue. */
  readonly depth: number
  /** Registered memory of each end, in bytes. The first `64 · depth` of them take what is received. */
  readonly memoryBytes: number
  /** ACCESS bits of the memory. */
  readonly access: number
}

/** How long each step of connecting may take, in ms. */
const ANSWER_MS = 5_000
/** Longest message that an end receives, in bytes. */
const MESSAGE_BYTES = 64

/** One end of a connection made with nothing but the binding. */
export class LoopbackEnd implements Disposable {
  readonly context: Context
  readonly memory: Buffer
  readonly region: MemoryRegion
  readonly pair: QueuePair
  /** Told of what is received: an immediate, or the length of a message. */
  onReceived: (what: number) => void = () => {}
  readonly #id: CmId
  readonly #channel: CompletionChannel
  readonly #queue: CompletionQueue

  /** VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  constructor(id: CmId, { depth, memoryBytes, access }: LoopbackOptions) {
    this.#id = id
    this.context = new Context(id.verbs, id.device as Pointer)
    this.#channel = new CompletionChannel(this.context, 0)
    this.#queue = this.#channel.queue(2 * depth, (completion) => {
      const { id: number, status, opcode, immediate, length } = completion
      if (status !== 0) this.pair.break(status)
      else if (opcode < COMPLETED.recv) this.pair.completed(number, status)
      else this.onReceived(opcode === COMPLETED.recvImm ? immediate : length)
    })
    const pair = id.createQueuePair(this.context, this.#queue, { sends: depth, receives: depth })
    this.pair = new QueuePair(this.context, pair, depth)
    this.memory = pageAligned(this.context, memoryBytes)
    this.region = MemoryRegion.ofBuffer(this.context, this.memory, access)
    for (let i = 0; i < depth; i++) this.pair.receive(i, this.span(i * MESSAGE_BYTES, MESSAGE_BYTES))
  }

  span(at: number, length: number): Span {
    return { region: this.region, address: this.region.address + at, length }
  }

  /** Posts requests and tells the status of the last. */
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

/** Two connected ends in this process, over the verbs device of one of its own addresses: what the binding, the device and the connection manager can do by themselves. */
export class Loopback implements Disposable {
  readonly a: LoopbackEnd
  readonly b: LoopbackEnd
  readonly #channel: EventChannel
  readonly #listener: CmId

  private constructor(a: LoopbackEnd, b: LoopbackEnd, channel: EventChannel, listener: CmId) {
    this.a = a
    this.b = b
    this.#channel = channel
    this.#listener = listener
  }

  /** Connects the device at `address` with itself. VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  static async connect(verbs: Verbs, address: string, options: LoopbackOptions): Promise<Loopback> {
    const channel = new EventChannel(verbs)
    const listener = channel.createId()
    listener.bind(address, 0)
    listener.listen(1)
    const id = channel.createId()
    await next(id, 'ADDR_RESOLVED', () => id.resolveAddress(address, listener.port, ANSWER_MS))
    await next(id, 'ROUTE_RESOLVED', () => id.resolveRoute(ANSWER_MS))
    const a = new LoopbackEnd(id, options)
    const established = next(id, 'ESTABLISHED', () => {})
    const { request } = await next(listener, 'CONNECT_REQUEST', () => id.connect(Buffer.from('loopback')))
    const accepted = request as CmId
    const b = new LoopbackEnd(accepted, options)
    await next(accepted, 'ESTABLISHED', () => accepted.accept(Buffer.from('loopback')))
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

/** Begins a step and waits for the event that ends it. */
function next(id: CmId, name: CmEvent['name'], begin: () => void): Promise<CmEvent> {
  return new Promise((resolve, reject) => {
    const late = () => reject(unavailable(`the connection manager tells of no ${name} in ${ANSWER_MS} ms`))
    const timer = setTimeout(late, ANSWER_MS)
    id.onEvent = (event) => {
      clearTimeout(timer)
      if (event.name === name) resolve(event)
      else
        reject(unavailable(`the connection manager tells of ${event.name}, status ${event.status}, and not of ${name}`))
    }
    begin()
  })
}
