import { fabricAddresses } from '../../src/transport/fabric.js'
import { CompletionChannel, type CompletionQueue } from '../../src/verbs/completions.js'
import { type CmEvent, type CmId, EventChannel } from '../../src/verbs/connection-manager.js'
import { ACCESS, COMPLETED } from '../../src/verbs/constants.js'
import { Context } from '../../src/verbs/context.js'
import { WC_STATUS } from '../../src/verbs/faults.js'
import { loadVerbs, type Pointer } from '../../src/verbs/library.js'
import { MemoryRegion, pageAligned } from '../../src/verbs/memory.js'
import { QueuePair, type SendRequest, type Span } from '../../src/verbs/queue-pair.js'

const RECEIVES = 32
/** In the emulated guest, a million requests take twice as long with a queue of thirty-two. */
const SENDS = 256
const FLUSHED = WC_STATUS.indexOf('WR_FLUSH_ERR')
/** Of each end. */
export const MEMORY_BYTES = 1024 * 1024

/** One end of a connection made with nothing but the binding. */
export class FabricEnd {
  readonly context: Context
  readonly memory: Buffer
  readonly region: MemoryRegion
  readonly pair: QueuePair
  /** What was received, oldest first: immediates, or lengths. */
  readonly received: number[] = []
  /** Told of each message; its memory is not used again. */
  onMessage: (bytes: Buffer) => void = () => {}
  /** Told when nothing can be sent any more. */
  onBroken: () => void = () => {}
  readonly #channel: CompletionChannel
  readonly #queue: CompletionQueue
  readonly #id: CmId
  #isBroken = false

  /** @param slotBytes longest message that it receives */
  constructor(id: CmId, access: number, slotBytes = 64) {
    const verbs = loadVerbs()
    this.#id = id
    this.context = new Context(verbs, id.device as Pointer)
    this.#channel = new CompletionChannel(this.context, 0)
    this.#queue = this.#channel.queue(SENDS + RECEIVES, ({ id: number, status, opcode, immediate, length }) => {
      if (status === 0 && opcode >= COMPLETED.recv) {
        this.received.push(opcode === COMPLETED.recvImm ? immediate : length)
        const at = number * slotBytes
        if (opcode === COMPLETED.recv) this.onMessage(this.memory.subarray(at, at + length))
      } else if (status === 0) this.pair.completed(number, status)
      else {
        this.#isBroken = true
        this.pair.break(status)
        this.onBroken()
      }
    })
    const pair = id.createQueuePair(this.context, this.#queue, { sends: SENDS, receives: RECEIVES })
    this.pair = new QueuePair(this.context, pair, SENDS)
    this.memory = pageAligned(this.context, MEMORY_BYTES)
    this.region = MemoryRegion.ofBuffer(this.context, this.memory, access)
    for (let i = 0; i < RECEIVES; i++) this.pair.receive(i, this.span(i * slotBytes, slotBytes))
  }

  span(at: number, length: number): Span {
    return { region: this.region, address: this.region.address + at, length }
  }

  /** Posts requests and tells the status of the last. */
  post(...requests: SendRequest[]): Promise<number> {
    if (this.#isBroken) return Promise.resolve(FLUSHED)
    return new Promise((done) => this.pair.post(requests, { done }))
  }

  close(): void {
    this.#id.destroyQueuePair()
    this.#queue[Symbol.dispose]()
    this.region[Symbol.dispose]()
    this.#channel[Symbol.dispose]()
    this.context[Symbol.dispose]()
    this.#id.destroy()
  }
}

/** Two connected ends in this process, over the first address of a verbs device. */
export async function fabricPair(
  access = ACCESS.localWrite | ACCESS.mwBind,
): Promise<{ a: FabricEnd; b: FabricEnd } & Disposable> {
  const verbs = loadVerbs()
  const channel = new EventChannel(verbs)
  const [host = ''] = fabricAddresses(verbs)
  const listener = channel.createId()
  listener.bind(host, 0)
  listener.listen(1)
  const id = channel.createId()
  await next(id, 'ADDR_RESOLVED', () => id.resolveAddress(host, listener.port, 2000))
  await next(id, 'ROUTE_RESOLVED', () => id.resolveRoute(2000))
  const a = new FabricEnd(id, access)
  const established = next(id, 'ESTABLISHED', () => {})
  const { request } = await next(listener, 'CONNECT_REQUEST', () => id.connect(Buffer.from('hello')))
  const accepted = request as CmId
  const b = new FabricEnd(accepted, access)
  await next(accepted, 'ESTABLISHED', () => accepted.accept(Buffer.from('welcome')))
  await established
  return {
    a,
    b,
    [Symbol.dispose]() {
      a.close()
      b.close()
      listener.destroy()
      channel[Symbol.dispose]()
    },
  }
}

/** Begins something, and resolves with the event of that name; rejects if another comes. */
export function next(id: CmId, name: CmEvent['name'], begin: () => void): Promise<CmEvent> {
  return new Promise((resolve, reject) => {
    id.onEvent = (event) => {
      if (event.name === name) resolve(event)
      else reject(Object.assign(new Error(`${event.name} instead of ${name}, status ${event.status}`), { event }))
    }
    begin()
  })
}
