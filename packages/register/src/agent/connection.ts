import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { type AgentAnswer, type AgentRequest, frameBytes, readAnswer, requestFrame } from './protocol.js'

/** Receives the answer to a request. */
export type Answered = (answer: AgentAnswer) => void

/** An unanswered request. */
export interface Waiting {
  readonly request: AgentRequest
  readonly answered: Answered
  /** Whether its caller still wants the answer. */
  isWanted: boolean
  /** The connection that carries it. */
  connection: AgentConnection | undefined
  /** The time when its agent was lost, by performance.now(). */
  lostAt: number | undefined
}

/** Most requests under way on one connection, HELLO included. */
const MOST_UNDER_WAY = 1_024
const LARGEST_ID = 2 ** 32 - 1
/** The id of HELLO. A failure of the connection has 0. */
export const HELLO_ID = 1

/** Why a connection ended: no process listens, the agent hung up, or it violated the protocol. */
export type WhyEnded = 'missing' | 'lost' | 'broken'

/** Events of a connection. */
export interface ConnectionEvents {
  /** An answer came. */
  answering(): void
  /** The connection ended, and these requests are unanswered. */
  ended(connection: AgentConnection, unanswered: readonly Waiting[], why: WhyEnded): void
}

/** One connection to the agent. It keeps the process alive only while an answer is wanted. */
export class AgentConnection {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #events: ConnectionEvents
  #received: Buffer = Buffer.alloc(0)
  #lastId = HELLO_ID
  #wanted = 0
  #why: WhyEnded = 'missing'

  /** @param hello the frame HELLO, which is sent with the first request */
  constructor(path: string, hello: Buffer, events: ConnectionEvents) {
    this.#events = events
    this.#socket = connect(path)
    this.#socket.cork()
    this.#socket.write(hello)
    process.nextTick(() => this.#socket.uncork())
    this.#socket.on('data', (bytes) => this.#read(bytes))
    this.#socket.on('connect', () => {
      this.#why = 'lost'
    })
    // The end follows, and reports everything.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      const unanswered = [...this.#waiting.values()].filter(({ isWanted }) => isWanted)
      this.#waiting.clear()
      this.#events.ended(this, unanswered, this.#why)
    })
    this.#socket.unref()
  }

  /** Whether it can take another request. */
  get hasRoom(): boolean {
    return this.#waiting.size < MOST_UNDER_WAY - 1 && !this.#socket.destroyed
  }

  send(waiting: Waiting): void {
    const id = this.#freeId()
    this.#waiting.set(id, waiting)
    this.#want(1)
    this.#socket.write(requestFrame(id, waiting.request))
  }

  /**
   * Marks an answer as unwanted. The agent's wait ends with the connection, once no answer is
   * wanted.
   */
  abandon(waiting: Waiting): void {
    waiting.isWanted = false
    this.#want(-1)
    if (this.#wanted === 0) this.#socket.destroy()
  }

  #want(more: 1 | -1): void {
    this.#wanted += more
    if (this.#wanted === 0) this.#socket.unref()
    else if (this.#wanted === 1 && more === 1) this.#socket.ref()
  }

  #freeId(): number {
    do {
      this.#lastId = this.#lastId === LARGEST_ID ? HELLO_ID + 1 : this.#lastId + 1
    } while (this.#waiting.has(this.#lastId))
    return this.#lastId
  }

  #read(bytes: Buffer): void {
    let rest = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    const answers: { id: number; answer: AgentAnswer }[] = []
    try {
      for (;;) {
        const length = frameBytes(rest)
        if (length === undefined || rest.length < length) break
        answers.push(readAnswer(rest.subarray(0, length)))
        rest = rest.subarray(length)
      }
    } catch {
      this.#break()
    }
    this.#received = rest
    if (answers.length > 0) this.#events.answering()
    for (const { id, answer } of answers) this.#take(id, answer)
  }

  #take(id: number, answer: AgentAnswer): void {
    // Each request also gets the failure of HELLO.
    if (id === HELLO_ID) return
    if (id === 0) {
      const all = [...this.#waiting.values()]
      this.#waiting.clear()
      for (const waiting of all) this.#answer(waiting, answer)
      return
    }
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      this.#break()
      return
    }
    this.#waiting.delete(id)
    this.#answer(waiting, answer)
  }

  #break(): void {
    this.#why = 'broken'
    this.#socket.destroy()
  }

  #answer(waiting: Waiting, answer: AgentAnswer): void {
    if (!waiting.isWanted) return
    waiting.isWanted = false
    this.#want(-1)
    waiting.answered(answer)
  }
}
