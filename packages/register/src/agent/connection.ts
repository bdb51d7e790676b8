import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { type AgentAnswer, type AgentRequest, frameBytes, readAnswer, requestFrame } from './protocol.js'

/** Hands over the answer to a request. */
export type Answered = (answer: AgentAnswer) => void

/** A request that has no answer yet. */
export interface Waiting {
  readonly request: AgentRequest
  readonly answered: Answered
  /** Whether somebody still wants the answer. */
  isWanted: boolean
  /** Where it is under way. */
  connection: AgentConnection | undefined
  /** When its agent was lost, by performance.now(). */
  lostAt: number | undefined
}

/** Requests under way on one connection that the agent allows, HELLO included. */
const MOST_UNDER_WAY = 1_024
const LARGEST_ID = 2 ** 32 - 1
/** The id of HELLO; 0 is that of a failure of the connection. */
export const HELLO_ID = 1

/**
 * Why a connection ended: nobody listens, the agent hung up, or what it sent is not its protocol.
 */
export type WhyEnded = 'missing' | 'lost' | 'broken'

/** What a connection tells of itself. */
export interface ConnectionEvents {
  /** An answer came. */
  answering(): void
  /** It ended, and these requests have no answer. */
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

  /** @param hello the frame HELLO, which leaves with the first request */
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
    // The end follows, and says it all.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      const unanswered = [...this.#waiting.values()].filter(({ isWanted }) => isWanted)
      this.#waiting.clear()
      this.#events.ended(this, unanswered, this.#why)
    })
    this.#socket.unref()
  }

  /** Whether it takes another request. */
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
   * Nobody wants this answer. The agent's wait for it ends with the connection, once nobody wants
   * any.
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
    // The failure of HELLO comes with each request as well.
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
