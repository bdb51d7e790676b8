import { Buffer } from 'node:buffer'
import type { CompletionQueue } from './completions.js'
import { CM_EVENT_NAMES, CM_OPTION, type CmEventName, PORT_SPACE_TCP, QP_TYPE_RC } from './constants.js'
import type { Context } from './context.js'
import { VerbError } from './faults.js'
import { CM_EVENT, CM_ID, CONN_PARAM, EVENT_CHANNEL, QP, QP_INIT_ATTR } from './layouts.js'
import { type Pointer, unavailable, type Verbs } from './library.js'
import { writeSocketAddress } from './socket-address.js'

/** An event of an id. */
export interface CmEvent {
  readonly name: CmEventName
  /** Negative errno, or the reason of a rejection. */
  readonly status: number
  /** Private data of the peer, padded with zeros. */
  readonly privateData: Buffer
  /** Id of the new connection, with a CONNECT_REQUEST. */
  readonly request: CmId | undefined
}

/** Room of a queue pair, in requests. */
export interface QueuePairSize {
  readonly sends: number
  readonly receives: number
}

/** How often a lost packet is sent again. Seven would mean for ever. */
const RETRIES = 6
/** How often a receiver without a posted receive is tried again: for ever. */
const RNR_RETRIES = 7
const EAGAIN = 11
const OUT = 8

/**
 * The channel of the events of ids, through the event loop. Its ids must be gone before it is
 * disposed of.
 */
export class EventChannel implements Disposable {
  readonly verbs: Verbs
  readonly pointer: Pointer
  readonly #poll: { ref(): void; unref(): void; close(): void }
  readonly #ids = new Map<Pointer, CmId>()
  readonly #out = Buffer.alloc(OUT)
  #isHeld = true

  /** Opens the channel. VerbError. */
  constructor(verbs: Verbs) {
    this.verbs = verbs
    const pointer = verbs.rdma_create_event_channel() as Pointer | null
    if (pointer === null) throw new VerbError('rdma_create_event_channel', verbs.errno())
    this.pointer = pointer
    const fd: number = verbs.koffi.decode(pointer, EVENT_CHANNEL.at.fd, 'int')
    this.#poll = verbs.koffi.node.poll(fd, { readable: true }, () => this.#readable())
  }

  /** Returns a new id, which is the caller's. VerbError. */
  createId(): CmId {
    check(this.verbs, 'rdma_create_id', this.pointer, this.#out, null, PORT_SPACE_TCP)
    return this.#adopt(this.#out.readBigUInt64LE(0))
  }

  /** Sets whether the channel keeps the process alive. */
  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    if (isHeld) this.#poll.ref()
    else this.#poll.unref()
  }

  [Symbol.dispose](): void {
    this.#poll.close()
    this.verbs.rdma_destroy_event_channel(this.pointer)
  }

  #adopt(pointer: Pointer): CmId {
    const id = new CmId(this.verbs, pointer, () => this.#ids.delete(pointer))
    this.#ids.set(pointer, id)
    return id
  }

  #readable(): void {
    for (;;) {
      const failed = this.verbs.rdma_get_cm_event(this.pointer, this.#out) as number
      if (failed !== 0) {
        const errno = this.verbs.errno()
        if (errno === EAGAIN) return
        throw new VerbError('rdma_get_cm_event', errno)
      }
      this.#take(this.#out.readBigUInt64LE(0))
    }
  }

  #take(pointer: Pointer): void {
    const { decode, view } = this.verbs.koffi
    const idPointer = decode(pointer, CM_EVENT.at.id, 'void *') as Pointer
    const listenPointer = decode(pointer, CM_EVENT.at.listenId, 'void *') as Pointer | null
    const name = CM_EVENT_NAMES[decode(pointer, CM_EVENT.at.event, 'uint32_t') as number]
    const status: number = decode(pointer, CM_EVENT.at.status, 'int32_t')
    const data = decode(pointer, CM_EVENT.at.privateData, 'void *') as Pointer | null
    const length: number = decode(pointer, CM_EVENT.at.privateLength, 'uint8_t')
    // A copy, since the acknowledgement frees it, and must come before the id may be destroyed.
    const privateData = data === null ? Buffer.alloc(0) : Buffer.from(new Uint8Array(view(data, length)))
    this.verbs.rdma_ack_cm_event(pointer)
    if (name === undefined) return
    const isRequest = name === 'CONNECT_REQUEST'
    const request = isRequest ? this.#adopt(idPointer) : undefined
    const target = this.#ids.get(isRequest && listenPointer !== null ? listenPointer : idPointer)
    if (target !== undefined) target.deliver({ name, status, privateData, request })
    else request?.destroy()
  }
}

/**
 * A communication identifier: one end of a connection, or a listener. Its maker destroys it.
 */
export class CmId {
  readonly verbs: Verbs
  readonly pointer: Pointer
  /** Called with every event. */
  onEvent: (event: CmEvent) => void = () => {}
  readonly #onGone: () => void
  #hasQueuePair = false
  #isGone = false

  constructor(verbs: Verbs, pointer: Pointer, onGone: () => void) {
    this.verbs = verbs
    this.pointer = pointer
    this.#onGone = onGone
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** The opened device that the id is bound to, or undefined. */
  get device(): Pointer | undefined {
    return (this.verbs.koffi.decode(this.pointer, CM_ID.at.verbs, 'void *') as Pointer | null) ?? undefined
  }

  /** Port of the device. */
  get devicePort(): number {
    return this.verbs.koffi.decode(this.pointer, CM_ID.at.port, 'uint8_t')
  }

  /** Port of the connection manager that the id is bound to. */
  get port(): number {
    const port = this.verbs.rdma_get_src_port(this.pointer) as number
    return ((port & 0xff) << 8) | (port >>> 8)
  }

  /** Binds an address and a port. VerbError. */
  bind(address: string, port: number): void {
    check(this.verbs, 'rdma_bind_addr', this.pointer, writeSocketAddress(address, port))
  }

  /** Listens for connections. VerbError. */
  listen(backlog: number): void {
    check(this.verbs, 'rdma_listen', this.pointer, backlog)
  }

  /** Begins to resolve an address. ADDR_RESOLVED or ADDR_ERROR follows. VerbError. */
  resolveAddress(address: string, port: number, timeoutMs: number): void {
    check(this.verbs, 'rdma_resolve_addr', this.pointer, null, writeSocketAddress(address, port), timeoutMs)
  }

  /** Begins to resolve the route. ROUTE_RESOLVED or ROUTE_ERROR follows. VerbError. */
  resolveRoute(timeoutMs: number): void {
    check(this.verbs, 'rdma_resolve_route', this.pointer, timeoutMs)
  }

  /**
   * Sets the time after which a packet without an answer is sent again: 4.096 µs · 2ⁿ. VerbError.
   */
  setAckTimeout(n: number): void {
    check(this.verbs, 'rdma_set_option', this.pointer, CM_OPTION.levelId, CM_OPTION.ackTimeout, Buffer.from([n]), 1)
  }

  /** Makes the queue pair. Returns its address. VerbError, ERR_DYAD_RDMA_UNAVAILABLE. */
  createQueuePair(context: Context, queue: CompletionQueue, { sends, receives }: QueuePairSize): Pointer {
    const attributes = Buffer.alloc(QP_INIT_ATTR.size)
    attributes.writeBigUInt64LE(queue.pointer, QP_INIT_ATTR.at.sendCq)
    attributes.writeBigUInt64LE(queue.pointer, QP_INIT_ATTR.at.recvCq)
    attributes.writeUInt32LE(sends, QP_INIT_ATTR.at.maxSendWr)
    attributes.writeUInt32LE(receives, QP_INIT_ATTR.at.maxRecvWr)
    attributes.writeUInt32LE(1, QP_INIT_ATTR.at.maxSendSge)
    attributes.writeUInt32LE(1, QP_INIT_ATTR.at.maxRecvSge)
    attributes.writeUInt32LE(QP_TYPE_RC, QP_INIT_ATTR.at.type)
    check(this.verbs, 'rdma_create_qp', this.pointer, context.pd, attributes)
    this.#hasQueuePair = true
    const { decode } = this.verbs.koffi
    const qp = decode(this.pointer, CM_ID.at.qp, 'void *') as Pointer
    if (decode(qp, QP.at.pd, 'void *') !== context.pd || decode(qp, QP.at.type, 'uint32_t') !== QP_TYPE_RC) {
      throw unavailable('ibv_qp has another layout')
    }
    return qp
  }

  /** Connects. ESTABLISHED, REJECTED, UNREACHABLE or CONNECT_ERROR follows. VerbError. */
  connect(privateData: Buffer): void {
    check(this.verbs, 'rdma_connect', this.pointer, this.#parameters(privateData))
  }

  /** Accepts the connection. ESTABLISHED follows. VerbError. */
  accept(privateData: Buffer): void {
    check(this.verbs, 'rdma_accept', this.pointer, this.#parameters(privateData))
  }

  /** Rejects the connection. VerbError. */
  reject(privateData: Buffer): void {
    check(this.verbs, 'rdma_reject', this.pointer, privateData, privateData.length)
  }

  /** Ends the connection. Both ends get DISCONNECTED. */
  disconnect(): void {
    this.verbs.rdma_disconnect(this.pointer)
  }

  /** Destroys the queue pair. Nothing reaches its memory any more. */
  destroyQueuePair(): void {
    if (!this.#hasQueuePair) return
    this.#hasQueuePair = false
    this.verbs.rdma_destroy_qp(this.pointer)
  }

  /** Destroys the id. Destroying twice is no error. */
  destroy(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.destroyQueuePair()
    this.#onGone()
    this.verbs.rdma_destroy_id(this.pointer)
  }

  deliver(event: CmEvent): void {
    this.onEvent(event)
  }

  /** Returns the parameters of a connection. The library copies them before it returns. */
  #parameters(privateData: Buffer): Buffer {
    const parameters = Buffer.alloc(CONN_PARAM.size + privateData.length)
    privateData.copy(parameters, CONN_PARAM.size)
    const address = this.verbs.koffi.address(parameters) + BigInt(CONN_PARAM.size)
    parameters.writeBigUInt64LE(address, CONN_PARAM.at.privateData)
    parameters[CONN_PARAM.at.privateLength] = privateData.length
    parameters[CONN_PARAM.at.responderResources] = 1
    parameters[CONN_PARAM.at.initiatorDepth] = 1
    parameters[CONN_PARAM.at.retryCount] = RETRIES
    parameters[CONN_PARAM.at.rnrRetryCount] = RNR_RETRIES
    return parameters
  }
}

function check(verbs: Verbs, name: `rdma_${string}` & keyof Verbs, ...args: unknown[]): void {
  const call = verbs[name] as (...args: unknown[]) => number
  if (call(...args) !== 0) throw new VerbError(name, verbs.errno())
}
