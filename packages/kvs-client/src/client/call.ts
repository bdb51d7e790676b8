import { DyadError } from '@dyad-ts/core'
import type { Reply, Request, Space } from '../broker/messages.js'
import type { Connection } from './connection.js'
import type { Exchange } from './exchange.js'

/** The query of a stream. */
export type StreamQuery = { op: 'list' | 'watch'; space: Space; prefix: string } | { op: 'namespaces' }

/** A request without its id, which its call assigns. */
export type Unsent = Extract<Request, { id: number }>

/** Options of a call. */
export interface CallOptions<T> {
  signal?: AbortSignal | undefined
  /** Whether it may wait without end after the first connection. @default false */
  patient?: boolean
  /** Whether the process may end while it waits. @default false */
  background?: boolean | undefined
  /** Called with its id, once it has one. */
  begun?(id: number): void
  /** Called each time before it is sent. */
  sending?(): void
  /** Returns the call's result; the call rejects with its exception. Not called for errors. */
  result(reply: Reply): T
}

/** One request and its one reply. It is sent again over each link until it is answered. */
class Call<T> implements Exchange {
  due = Number.POSITIVE_INFINITY
  place = 0
  readonly background: boolean | undefined
  readonly #connection: Connection
  readonly #request: Unsent
  readonly #options: CallOptions<T>
  readonly #resolve: (result: T) => void
  readonly #reject: (error: unknown) => void
  #sent = 0

  constructor(
    connection: Connection,
    request: Unsent,
    options: CallOptions<T>,
    resolve: (result: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connection = connection
    this.#options = options
    this.background = options.background
    this.#resolve = resolve
    this.#reject = reject
    request.id = connection.begin(this)
    options.begun?.(request.id)
    this.#request = request
    if (!options.patient) connection.arm(this)
    if (options.signal !== undefined) connection.aborts.add(options.signal, this)
    if (connection.linked) this.linked()
  }

  /** The signal fired. */
  aborted(): void {
    this.#connection.cancel(this.#request.id)
    this.failed(this.#options.signal?.reason)
  }

  linked(): void {
    this.#sent++
    this.#options.sending?.()
    this.#connection.send(this.#request)
  }

  replied(reply: Reply): void {
    this.#connection.end(this.#request.id)
    if (reply.op !== 'error') {
      this.#succeed(reply)
    } else if (this.#sent > 1 && this.#request.op === 'remove' && reply.code === 'ERR_DYAD_NAMESPACE_MISSING') {
      // The first request succeeded, and its answer was lost.
      this.#succeed({ op: 'done', id: this.#request.id, result: true })
    } else {
      this.failed(toError(reply, this.#connection, this.#request))
    }
  }

  failed(error: unknown): void {
    this.#connection.aborts.remove(this.#options.signal, this)
    this.#reject(error)
  }

  #succeed(reply: Reply): void {
    if (this.#options.signal !== undefined) this.#connection.aborts.remove(this.#options.signal, this)
    try {
      this.#resolve(this.#options.result(reply))
    } catch (error) {
      this.#reject(error)
    }
  }
}

/**
 * Makes a call. Rejects with the signal's reason, the broker's error, or ERR_DYAD_KVS_UNREACHABLE.
 */
export function call<T>(connection: Connection, request: Unsent, options: CallOptions<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted()
    new Call(connection, request, options, resolve, reject)
  })
}

/** Returns the error that a broker reported for a request. */
export function toError(
  reply: Extract<Reply, { op: 'error' }>,
  { url }: Connection,
  request?: Unsent | StreamQuery,
): DyadError {
  return new DyadError(reply.code, {
    namespace: request && namespaceOf(request),
    at: `at the store ${url}`,
    detail: reply.detail === '' ? undefined : reply.detail,
  })
}

function namespaceOf(request: Unsent | StreamQuery): string | undefined {
  if (request.op === 'create' || request.op === 'remove') return request.name
  return 'space' in request ? (request.space ?? undefined) : undefined
}

/** Returns the error for a reply that does not fit its request. */
export function unexpected(reply: Reply): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail: `answered with ${reply.op}` })
}
