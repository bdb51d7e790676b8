import { DyadError } from '@dyad/core'
import type { Reply, Request } from '../broker/frames.js'
import type { Connection, Exchange } from './connection.js'

/** A request without the id, which the connection gives. */
export type Unsent = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never

/** How a call is made. */
export interface CallOptions {
  signal?: AbortSignal | undefined
  /** Whether it may wait for ever once there has been a connection. @default false */
  patient?: boolean
}

/** One request and the one reply to it; sent again over each link until it is answered. */
class Call implements Exchange {
  readonly #connection: Connection
  readonly #request: Unsent
  readonly #id: number
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: unknown) => void
  #sent = 0

  constructor(
    connection: Connection,
    request: Unsent,
    options: CallOptions,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connection = connection
    this.#request = request
    this.#signal = options.signal
    this.#resolve = resolve
    this.#reject = reject
    this.#id = connection.begin(this)
    if (!options.patient) connection.arm(this.#id)
    this.#connection.aborts.add(this.#signal, this)
    if (connection.linked) this.linked()
  }

  /** The signal fired. */
  aborted(): void {
    this.#connection.cancel(this.#id)
    this.failed(this.#signal?.reason)
  }

  linked(): void {
    this.#sent++
    this.#connection.send({ ...this.#request, id: this.#id } as Request)
  }

  replied(reply: Reply): void {
    this.#connection.end(this.#id)
    if (reply.op !== 'error') {
      this.#connection.aborts.remove(this.#signal, this)
      this.#resolve(reply)
    } else if (this.#sent > 1 && this.#request.op === 'remove' && reply.code === 'ERR_DYAD_NAMESPACE_MISSING') {
      // The first request did it, and its answer was lost.
      this.#connection.aborts.remove(this.#signal, this)
      this.#resolve({ op: 'done', id: this.#id, result: true })
    } else {
      this.failed(toError(reply))
    }
  }

  failed(error: unknown): void {
    this.#connection.aborts.remove(this.#signal, this)
    this.#reject(error)
  }
}

/** Makes a call; rejects with the signal's reason, the broker's error, or ERR_DYAD_KVS_UNREACHABLE. */
export function call(connection: Connection, request: Unsent, options: CallOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted()
    new Call(connection, request, options, resolve, reject)
  })
}

/** The error that a broker reported. */
export function toError(reply: Extract<Reply, { op: 'error' }>): DyadError {
  return new DyadError(reply.code, { detail: reply.detail === '' ? undefined : reply.detail })
}
