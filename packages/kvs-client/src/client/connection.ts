import { setTimeout as delay } from 'node:timers/promises'
import { DyadError, isDyadError, type KvsOutage } from '@dyad-ts/core'
import type { LinkHandlers } from '@dyad-ts/wire'
import { isOtherVersion, PROTOCOL_VERSION, sendRequest, toReply } from '../broker/frames.js'
import type { Reply, Request } from '../broker/messages.js'
import { Aborts } from './aborts.js'
import { DueTimer } from './due.js'
import type { Exchange } from './exchange.js'
import { ExchangeTable } from './exchange-table.js'
import { LeaseBook } from './lease-book.js'

/**
 * First and longest pause between two attempts to connect, in ms. Each pause is between a half and
 * the whole of its length.
 */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000
/** A broker that neither accepts nor refuses a link for so long counts as away, in ms. */
const SILENT_MS = 1_500
/**
 * How long a link holds the process after the last exchange, in ms. Releasing and holding cost as
 * much as an exchange.
 */
const LINGER_MS = 50

/** The part of a link that a connection uses. */
export interface ClientLink {
  /** Copies and sends bytes. Without `hurry`, it sends them with the next ones. */
  post(bytes: Uint8Array, length: number, hurry?: boolean): void
  close(reason?: Error): void
  hold(keepsProcessAlive: boolean): void
}

/** Opens a link to the broker. */
export type Dial = (handlersFor: () => LinkHandlers, signal: AbortSignal) => Promise<ClientLink>

/** Options of {@link Connection}. */
export interface ConnectionOptions {
  /** Names the broker in errors. */
  url: string
  dial: Dial
  /** Longest time for the first connection, in ms. */
  connectTimeout: number
  /** Longest time for an answer, in ms. */
  callTimeout: number
}

/** One link to a broker, made when it is needed, and again while exchanges are under way. */
export class Connection {
  /** Notifies exchanges of their signals. */
  readonly aborts = new Aborts()
  /** Leases over this connection. */
  readonly leases = new LeaseBook((id, hurry) => {
    if (this.#link !== undefined) sendRequest({ op: 'cancel', id }, hurry ? this.#post : this.#postLater)
  })
  readonly #options: ConnectionOptions
  readonly #exchanges = new ExchangeTable()
  /** Number of exchanges that keep the process alive. */
  #foreground = 0
  readonly #due: DueTimer
  #linger: NodeJS.Timeout | undefined
  readonly #post = (bytes: Uint8Array, length: number) => this.#link?.post(bytes, length)
  readonly #postLater = (bytes: Uint8Array, length: number) => this.#link?.post(bytes, length, false)
  #link: ClientLink | undefined
  #dialing: AbortController | undefined
  #lastCause: unknown
  #outage: KvsOutage | undefined
  readonly #outageListeners = new Set<(outage: KvsOutage | undefined) => void>()
  #everLinked = false
  #closed = false
  #unlinked: (() => void) | undefined
  #durable = false
  #epoch = ''

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#due = new DueTimer(options.callTimeout, (now) => this.#expire(now))
  }

  /** Names the broker in errors. */
  get url(): string {
    return this.#options.url
  }

  /** Whether the broker is durable; false until it has said so. */
  get durable(): boolean {
    return this.#durable
  }

  /** Names the start of the broker that was linked last; '' before the first link. */
  get epoch(): string {
    return this.#epoch
  }

  get linked(): boolean {
    return this.#link !== undefined
  }

  /** Why there is no link, if an exchange needs one. */
  get outage(): KvsOutage | undefined {
    return this.#outage
  }

  /** As KvsClient.onOutage. */
  onOutage(told: (outage: KvsOutage | undefined) => void): () => void {
    this.#outageListeners.add(told)
    return () => this.#outageListeners.delete(told)
  }

  /** Adds an exchange. If there is a link, it calls `linked` at once. */
  begin(exchange: Exchange): number {
    if (this.#closed) throw closedError()
    const id = this.#exchanges.add(exchange)
    if (!exchange.background) this.#foreground++
    if (this.#link === undefined) void this.#dial()
    else if (this.#foreground === 1 && !exchange.background && this.#linger === undefined) this.#link.hold(true)
    return id
  }

  /** Removes an exchange that expects no more. */
  end(id: number): void {
    const exchange = this.#exchanges.delete(id)
    if (exchange === undefined) return
    if (this.#exchanges.size === 0) this.#dialing?.abort()
    if (exchange.background || --this.#foreground > 0) return
    this.#linger ??= setTimeout(() => this.#letGo(), LINGER_MS)
  }

  /** Ends an exchange, and notifies the broker. */
  cancel(id: number): void {
    this.send({ op: 'cancel', id })
    this.end(id)
  }

  /** Fails the exchange unless it is disarmed within the call timeout plus so many ms. */
  arm(exchange: Exchange, more = 0): void {
    this.#due.arm(exchange, more)
  }

  disarm(exchange: Exchange): void {
    this.#due.disarm(exchange)
  }

  /** Sends the request if there is a link. */
  send(request: Request): void {
    if (this.#link !== undefined) sendRequest(request, this.#post)
  }

  /** Fails every exchange with ERR_DYAD_CLOSED, and resolves when the link is down. */
  async close(): Promise<void> {
    this.#closed = true
    this.#due.close()
    clearTimeout(this.#linger)
    this.#dialing?.abort()
    this.#failAll(closedError())
    const link = this.#link
    if (link === undefined) return
    await new Promise<void>((resolve) => {
      this.#unlinked = resolve
      link.hold(true)
      link.close()
    })
  }

  async #dial(): Promise<void> {
    if (this.#dialing !== undefined || this.#closed) return
    const dialing = new AbortController()
    this.#dialing = dialing
    let expired = false
    const window = this.#everLinked
      ? undefined
      : setTimeout(() => {
          expired = true
          dialing.abort()
        }, this.#options.connectTimeout)
    const silent = setTimeout(() => this.#silent(), SILENT_MS).unref()
    let pause = FIRST_PAUSE_MS
    while (this.#link === undefined && !dialing.signal.aborted) {
      try {
        await this.#connect(dialing.signal)
      } catch (error) {
        if (dialing.signal.aborted) break
        this.#lastCause = error
        // Neither goes away by itself.
        const isDenied = isDyadError(error, 'ERR_DYAD_DENIED') || isDyadError(error, 'ERR_DYAD_CERTIFICATE')
        if (isDenied) this.#failAll(error, ({ endures }) => endures !== true)
        // Listeners know that the store is away, and it is not back.
        if (!isDenied || this.#exchanges.size > 0 || this.#outage !== undefined) this.#away(error)
        if (dialing.signal.aborted) break
        const ref = this.#foreground > 0
        await delay(pause * (0.5 + Math.random() / 2), undefined, { ref, signal: dialing.signal }).catch(() => {})
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
    }
    clearTimeout(window)
    clearTimeout(silent)
    this.#dialing = undefined
    if (expired && this.#link === undefined) {
      this.#failAll(this.#unreachable(`cannot be reached in ${this.#options.connectTimeout} ms`))
    } else if (this.#link === undefined && this.#exchanges.size > 0) {
      // An exchange began while the last attempt was being given up.
      void this.#dial()
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    let down = false
    let mine: ClientLink | undefined
    const handlers: LinkHandlers = {
      message: (bytes) => this.#receive(toReply(bytes)),
      closed: (reason) => {
        down = true
        if (mine !== undefined && mine === this.#link) this.#lost(reason)
      },
    }
    const link = await this.#options.dial(() => handlers, signal)
    if (down) throw new Error('the connection broke at once')
    if (this.#closed || this.#exchanges.size === 0) {
      link.hold(false)
      link.close()
      return
    }
    mine = link
    this.#link = link
    this.#everLinked = true
    this.send({ op: 'hello', version: PROTOCOL_VERSION })
    link.hold(this.#foreground > 0)
    for (const [, exchange] of this.#exchanges.entries()) exchange.linked()
    if (this.#outage === undefined) return
    this.#outage = undefined
    this.#tellOutage()
  }

  #lost(reason: Error | undefined): void {
    this.#link = undefined
    this.leases.lost()
    this.#lastCause = reason ?? new Error('the broker closed the connection')
    this.#unlinked?.()
    if (this.#closed) return
    if (isOtherVersion(reason)) this.#failAll(reason)
    if (this.#exchanges.size === 0) return
    this.#away(this.#lastCause)
    void this.#dial()
  }

  /**
   * Notes that the broker neither accepted nor refused the link. A refusal takes precedence over
   * silence.
   */
  #silent(): void {
    if (this.#outage === undefined) this.#away(new Error('it does not answer'))
  }

  /** Notes that the broker is away, with the latest cause. Notifies listeners once. */
  #away(cause: unknown): void {
    const why = cause instanceof Error ? cause : new Error(String(cause))
    const known = this.#outage
    this.#outage = { address: this.#options.url, since: known?.since ?? Date.now(), why }
    if (known === undefined) this.#tellOutage()
  }

  #tellOutage(): void {
    for (const told of this.#outageListeners) told(this.#outage)
  }

  #receive(reply: Reply): void {
    if (reply.op === 'hello') {
      this.#durable = reply.durable
      this.#epoch = reply.epoch
    } else if (reply.op === 'revoke') this.leases.revoke(reply.id)
    else this.#exchanges.get(reply.id)?.replied(reply)
  }

  #letGo(): void {
    this.#linger = undefined
    if (this.#foreground === 0) this.#link?.hold(false)
  }

  #expire(now: number): void {
    let next = Number.POSITIVE_INFINITY
    const late: [number, Exchange][] = []
    for (const entry of this.#exchanges.entries()) {
      if (entry[1].due <= now) late.push(entry)
      else next = Math.min(next, entry[1].due)
    }
    this.#due.next(next, now)
    for (const [id, exchange] of late) {
      this.cancel(id)
      exchange.failed(this.#unreachable(`no answer in ${this.#options.callTimeout} ms`))
    }
  }

  #failAll(error: unknown, which: (exchange: Exchange) => boolean = () => true): void {
    const exchanges = this.#exchanges.entries().filter(([, exchange]) => which(exchange))
    for (const [id] of exchanges) this.end(id)
    for (const [, exchange] of exchanges) exchange.failed(error)
  }

  #unreachable(what: string): DyadError {
    const { message } = this.#lastCause instanceof Error ? this.#lastCause : { message: '' }
    return new DyadError('ERR_DYAD_KVS_UNREACHABLE', {
      detail: `${this.#options.url}: ${what}${message === '' ? '' : `; ${message}`}`,
      cause: this.#lastCause,
    })
  }
}

/** Returns the error of every call after close(). */
export function closedError(): DyadError {
  return new DyadError('ERR_DYAD_CLOSED', { detail: 'key-value store client' })
}
