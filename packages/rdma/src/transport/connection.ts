import type { Buffer } from 'node:buffer'
import { DyadError } from '@dyad-ts/core'
import { broken } from '@dyad-ts/core/internal'
import { makeNonce, proofOf, proves } from '@dyad-ts/wire'
import type { CmEvent, CmId, EventChannel } from '../verbs/connection-manager.js'
import { VerbError } from '../verbs/faults.js'
import { unavailable } from '../verbs/library.js'
import type { Adapter, Adapters } from './adapter.js'
import { audienceOf, type End } from './address.js'
import { helloOf, LAST, MAX_ID, proofFrame, readMessage, readRejection, readWelcome } from './frames.js'
import { Link, type LinkHandlers } from './link.js'

/** Receives the answer to a request. */
export interface Receiver {
  /** Takes all bytes of a short file, verified. They are the receiver's until it returns. */
  data(bytes: Buffer): void
  /** The next grant is full, or has the end of the file. A file is verified with `isLast`. */
  written(isLast: boolean): void
  /** The file, all of which is written, is verified. */
  verified(): void
  /** The owner refuses or fails. */
  failed(code: string, detail: string): void
  /** The owner has stopped, and writes no more. */
  stopped(): void
  /** The connection is gone. */
  lost(reason: Error): void
}

/** Options of {@link Connection}. */
export interface ConnectionOptions {
  readonly token: string | undefined
  /** Milliseconds for which a connection without a transfer is kept. */
  readonly idleMs: number
  /** Milliseconds that each step of connecting may take. */
  readonly answerMs: number
}

/** The client's end of a connection to an owner: any number of transfers at once. */
export class Connection implements LinkHandlers {
  /**
   * Resolves once the owner has accepted the connection. Rejects with ERR_DYAD_OWNER_UNREACHABLE,
   * ERR_DYAD_DENIED, ERR_DYAD_RDMA_UNAVAILABLE.
   */
  readonly connected: Promise<Link>
  readonly #end: End
  readonly #options: ConnectionOptions
  readonly #onGone: (connection: Connection) => void
  readonly #receivers = new Map<number, Receiver>()
  #link: Link | undefined
  #step: { name: string; resolve: (event: CmEvent) => void; reject: (error: Error) => void } | undefined
  #nextId = 0
  #isOpen = false
  #isUsed = false
  #isGone = false
  #idle: NodeJS.Timeout | undefined

  /** Begins to connect. Calls `onGone` once, when the connection can be used no more. */
  constructor(
    end: End,
    channel: EventChannel,
    adapters: Adapters,
    options: ConnectionOptions,
    onGone: (connection: Connection) => void,
  ) {
    this.#end = end
    this.#options = options
    this.#onGone = onGone
    this.connected = this.#connect(channel, adapters)
    this.connected.catch(() => this.close())
  }

  /** Whether it has made a transfer before, so that the owner may have hung up since. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  /** Its link, or undefined until the owner has accepted the connection. */
  get link(): Link | undefined {
    return this.#isOpen ? this.#link : undefined
  }

  get isGone(): boolean {
    return this.#isGone
  }

  get isWaiting(): boolean {
    return this.#receivers.size > 0
  }

  /** Returns a number for a transfer. The receiver gets the answer until `remove`. */
  add(receiver: Receiver): number {
    let id = this.#nextId
    while (this.#receivers.has(id)) id = (id + 1) % MAX_ID
    this.#nextId = (id + 1) % MAX_ID
    this.#receivers.set(id, receiver)
    this.#link?.watch()
    return id
  }

  /** Forgets a transfer that is over at both sides. */
  remove(id: number): void {
    this.#receivers.delete(id)
    this.#isUsed = true
    if (this.#receivers.size > 0 || this.#isGone) return
    if (this.#idle !== undefined) {
      this.#idle.refresh()
      return
    }
    const late = () => {
      if (!this.isWaiting) this.close()
    }
    this.#idle = setTimeout(late, this.#options.idleMs).unref()
  }

  /** Ends the connection, and calls `lost` of its receivers. Closing twice is no error. */
  close(): void {
    this.#gone(new DyadError('ERR_DYAD_CLOSED'))
  }

  message(bytes: Buffer): void {
    const message = readMessage(bytes)
    const receiver = this.#receiver(message.id)
    switch (message.kind) {
      case 'data':
        receiver.data(message.bytes)
        break
      case 'verified':
        receiver.verified()
        break
      case 'error':
        receiver.failed(message.code, message.detail)
        break
      case 'stopped':
        receiver.stopped()
        break
      default:
        throw broken(`the owner sends ${message.kind}`)
    }
  }

  written(immediate: number): void {
    this.#receiver(immediate % LAST).written(immediate >= LAST)
  }

  lost(reason: Error): void {
    this.#step?.reject(reason)
    this.#gone(reason)
  }

  told(event: CmEvent): void {
    const step = this.#step
    if (step === undefined) return
    if (event.name === step.name) step.resolve(event)
    else if (event.name === 'REJECTED') step.reject(this.#rejection(event))
    else if (event.name.endsWith('_ERROR') || event.name === 'UNREACHABLE') {
      step.reject(this.#unreachable(`${event.name}, status ${event.status}`))
    }
  }

  #receiver(id: number): Receiver {
    const receiver = this.#receivers.get(id)
    if (receiver === undefined) throw broken('the owner tells of a transfer that is none')
    return receiver
  }

  async #connect(channel: EventChannel, adapters: Adapters): Promise<Link> {
    const { answerMs, token } = this.#options
    const id = channel.createId()
    try {
      id.onEvent = (event) => this.told(event)
      await this.#await('ADDR_RESOLVED', () => id.resolveAddress(this.#end.host, this.#end.port, answerMs))
      await this.#await('ROUTE_RESOLVED', () => id.resolveRoute(answerMs))
      const link = this.#makeLink(adapters.of(id), id)
      this.#link = link
      const clientNonce = makeNonce()
      const { privateData } = await this.#await('ESTABLISHED', () => id.connect(helloOf(clientNonce)))
      const welcome = readWelcome(privateData)
      if (welcome === undefined) throw broken('who answers is no owner of ours')
      const handshake = { token, audience: audienceOf(this.#end), clientNonce, serverNonce: welcome.nonce }
      if (!proves(welcome.proof, 'server', handshake)) {
        const detail = `what answers at ${this.#end.host} port ${this.#end.port} does not prove that it knows the token`
        throw new DyadError('ERR_DYAD_DENIED', { detail })
      }
      link.send(proofFrame(proofOf('client', handshake)))
      if (this.isWaiting) link.watch()
      this.#isOpen = true
      return link
    } catch (error) {
      if (this.#link === undefined) id.destroy()
      throw error
    }
  }

  /**
   * Makes the link. A failure of this side's device or memory is not the owner's:
   * ERR_DYAD_RDMA_UNAVAILABLE.
   */
  #makeLink(adapter: Adapter, id: CmId): Link {
    try {
      return new Link(adapter, id, this)
    } catch (error) {
      throw error instanceof VerbError ? unavailable(error.message, error) : error
    }
  }

  /** Begins a step, and waits for the event that ends it. */
  async #await(name: CmEvent['name'], begin: () => void): Promise<CmEvent> {
    if (this.#isGone) throw new DyadError('ERR_DYAD_CLOSED')
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<CmEvent>((resolve, reject) => {
        this.#step = { name, resolve, reject }
        const late = () => {
          const detail = `no answer in ${this.#options.answerMs} ms`
          reject(this.#unreachable(detail, Object.assign(new Error(detail), { code: 'ETIMEDOUT' })))
        }
        timer = setTimeout(late, this.#options.answerMs)
        begin()
      })
    } finally {
      clearTimeout(timer)
      this.#step = undefined
    }
  }

  #rejection({ status, privateData }: CmEvent): DyadError {
    const code = readRejection(privateData)
    if (code === 'ERR_DYAD_DENIED') return new DyadError('ERR_DYAD_DENIED')
    return this.#unreachable(code === undefined ? `rejected, reason ${status}` : `rejected with ${code}`)
  }

  #unreachable(what: string, cause?: unknown): DyadError {
    const { host, port } = this.#end
    return new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: `${host} port ${port}: ${what}`, cause })
  }

  #gone(reason: Error): void {
    if (this.#isGone) return
    this.#isGone = true
    clearTimeout(this.#idle)
    this.#step?.reject(reason)
    this.#link?.close()
    const receivers = [...this.#receivers.values()]
    this.#receivers.clear()
    for (const receiver of receivers) receiver.lost(reason)
    this.#onGone(this)
  }
}
