import { DyadError, type RegisterOptions, type Registration } from '@dyad-ts/core'
import type { Reply } from '../broker/messages.js'
import { call, toError } from './call.js'
import type { Connection } from './connection.js'
import type { Exchange } from './exchange.js'

/** Longest time for a store to release a key, in ms. */
const RELEASE_MS = 2_000

/** A key of the registry. It sends signs of life, and registers again over each new link. */
export class HeldRegistration implements Registration, Exchange {
  readonly background: boolean | undefined
  readonly #connection: Connection
  readonly #key: string
  readonly #value: Uint8Array
  readonly #ttl: number
  readonly #takeover: boolean
  readonly #former: number
  readonly #onWaiting: ((ms: number) => void) | undefined
  readonly #instance = crypto.randomUUID()
  readonly #lost = new AbortController()
  readonly #signal: AbortSignal | undefined
  readonly #all: Set<HeldRegistration>
  #first: { resolve(): void; reject(error: unknown): void } | undefined
  due = Number.POSITIVE_INFINITY
  place = 0
  #id = 0
  /** When the instance first held the key, and in which epoch of the store. */
  #since = 0
  #epoch = ''
  #renewal: NodeJS.Timeout | undefined
  #over = false
  #closing: Promise<void> | undefined

  /** While the key is held, `all` contains the registration. */
  constructor(
    connection: Connection,
    key: string,
    value: Uint8Array,
    options: RegisterOptions,
    all: Set<HeldRegistration>,
  ) {
    this.#connection = connection
    this.#key = key
    this.#value = new Uint8Array(value)
    this.#ttl = options.ttl
    this.#takeover = options.takeover ?? false
    this.#former = options.former ?? 0
    this.#onWaiting = options.onWaiting
    this.#signal = options.signal
    this.background = options.background
    this.#all = all
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** The next link asks for the key again. */
  get endures(): boolean {
    return this.#first === undefined && !this.#over
  }

  /** Registers the key. Resolves once it is held. */
  begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#signal?.throwIfAborted()
      this.#id = this.#connection.begin(this)
      this.#first = { resolve, reject }
      this.#connection.aborts.add(this.#signal, this)
      this.#connection.arm(this)
      if (this.#connection.linked) this.linked()
    })
  }

  /** The signal fired before the key was held. */
  aborted(): void {
    this.#stop(this.#signal?.reason)
  }

  linked(): void {
    this.#connection.send({
      op: 'register',
      id: this.#id,
      key: this.#key,
      value: this.#value,
      ttl: this.#ttl,
      instance: this.#instance,
      since: this.#since,
      epoch: this.#epoch,
      takeover: this.#takeover,
      former: this.#former,
    })
  }

  replied(reply: Reply): void {
    if (this.#over) return
    if (reply.op === 'error') this.#stop(toError(reply, this.#connection))
    else if (reply.op === 'probe') this.#renew()
    else if (reply.op === 'waits') this.#waits(reply.ms)
    else if (reply.op === 'done' && typeof reply.result === 'number') this.#held(reply.result)
    // The sign of life came too late.
    else if (reply.op === 'done' && !reply.result) this.linked()
  }

  failed(error: unknown): void {
    this.#stop(error)
  }

  close(): Promise<void> {
    this.#closing ??= this.#release()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #held(since: number): void {
    if (since !== this.#since) this.#epoch = this.#connection.epoch
    this.#since = since
    if (this.#first === undefined) return
    this.#connection.disarm(this)
    this.#connection.aborts.remove(this.#signal, this)
    this.#renewal = setInterval(() => this.#renew(), this.#ttl / 3)
    this.#renewal.unref()
    this.#all.add(this)
    this.#first.resolve()
    this.#first = undefined
  }

  /** Extends the limit: the broker answers by then. */
  #waits(ms: number): void {
    if (this.#first === undefined) return
    this.#connection.arm(this, ms)
    this.#onWaiting?.(ms)
  }

  #renew(): void {
    this.#connection.send({ op: 'renew', id: this.#id, key: this.#key, instance: this.#instance })
  }

  /** Ends the registration, and passes the reason to the caller that waits or listens. */
  #stop(error: unknown): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#renewal)
    this.#connection.aborts.remove(this.#signal, this)
    this.#connection.end(this.#id)
    this.#all.delete(this)
    if (this.#first !== undefined) {
      this.#connection.send({ op: 'cancel', id: this.#id })
      // The broker may have registered it already.
      this.#connection.send({ op: 'unregister', id: this.#id, key: this.#key, instance: this.#instance })
      this.#first.reject(error)
    } else if (error instanceof DyadError && error.code !== 'ERR_DYAD_CLOSED') {
      this.#lost.abort(error)
    }
  }

  async #release(): Promise<void> {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#renewal)
    this.#all.delete(this)
    try {
      // A caller that stops waits only briefly for a store that is away: the key expires by itself.
      const signal = AbortSignal.timeout(Math.min(this.#ttl, RELEASE_MS))
      await call(
        this.#connection,
        { op: 'unregister', id: 0, key: this.#key, instance: this.#instance },
        { signal, result: () => {} },
      )
    } catch {
      // Unreachable or closed: the key expires.
    } finally {
      this.#connection.end(this.#id)
    }
  }
}
