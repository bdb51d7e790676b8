import { AgentConnection, type Answered, HELLO_ID, type Waiting, type WhyEnded } from './connection.js'
import { brokenAgent, isOwnSocket, missingAgent, strangeAgent, warnOfMissingAgent } from './no-agent.js'
import { type AgentAnswer, type AgentRequest, helloFrame } from './protocol.js'

/** How long a lost agent may take to come back, in ms. */
const BACK_MS = 10_000
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 500

/** The agent's address, and the data that HELLO sends. */
export interface AgentPlace {
  /** Path of its socket. */
  readonly path: string
  /** Id of the run; '' for none. */
  readonly run: string
  /** The program's variables DYAD_*, with absolute paths. */
  readonly variables: ReadonlyMap<string, string>
  /** Whether calls continue as without DYAD while there is no agent. */
  readonly passes: boolean
}

/**
 * Sends requests to the agent without blocking. If the agent is lost, unanswered requests are sent
 * again once it is back, for up to 10 s. Only requests with a wanted answer keep the process alive.
 */
export class AgentClient {
  readonly #place: AgentPlace
  readonly #hello: Buffer
  readonly #connections = new Set<AgentConnection>()
  readonly #lost = new Set<Waiting>()
  #pauseMs = FIRST_PAUSE_MS
  #retry: NodeJS.Timeout | undefined

  constructor(place: AgentPlace) {
    this.#place = place
    this.#hello = helloFrame(HELLO_ID, place.run, place.variables)
  }

  /**
   * Sends a request, and calls `answered` once, later. Returns a function that abandons the
   * request: `answered` is then not called any more.
   */
  ask(request: AgentRequest, answered: Answered): () => void {
    const asked: Waiting = { request, answered, isWanted: true, connection: undefined, lostAt: undefined }
    this.#send(asked)
    return () => this.#abandon(asked)
  }

  #abandon(asked: Waiting): void {
    if (!asked.isWanted) return
    asked.isWanted = false
    asked.connection?.abandon(asked)
    if (this.#lost.delete(asked) && this.#lost.size === 0) this.#stopRetrying()
  }

  #send(asked: Waiting): void {
    const connection = this.#roomy() ?? this.#connect()
    if (connection === undefined) {
      queueMicrotask(() => this.#answer(asked, strangeAgent(this.#place.path)))
      return
    }
    asked.connection = connection
    connection.send(asked)
  }

  #roomy(): AgentConnection | undefined {
    for (const connection of this.#connections) if (connection.hasRoom) return connection
    return undefined
  }

  /** Returns undefined if the agent's socket belongs to another user. */
  #connect(): AgentConnection | undefined {
    if (!isOwnSocket(this.#place.path)) return undefined
    const connection = new AgentConnection(this.#place.path, this.#hello, {
      ended: (ended, unanswered, why) => this.#ended(ended, unanswered, why),
      answering: () => {
        this.#pauseMs = FIRST_PAUSE_MS
      },
    })
    this.#connections.add(connection)
    return connection
  }

  #ended(connection: AgentConnection, unanswered: readonly Waiting[], why: WhyEnded): void {
    this.#connections.delete(connection)
    for (const waiting of unanswered) {
      waiting.connection = undefined
      if (why === 'broken') this.#answer(waiting, brokenAgent(this.#place.path))
      else if (why === 'missing' && waiting.lostAt === undefined) this.#answer(waiting, this.#missing())
      else this.#askAgain(waiting)
    }
  }

  #askAgain(asked: Waiting): void {
    asked.lostAt ??= performance.now()
    if (performance.now() - asked.lostAt > BACK_MS) {
      this.#answer(asked, missingAgent(this.#place.path))
      return
    }
    this.#lost.add(asked)
    this.#retry ??= setTimeout(() => {
      this.#stopRetrying()
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
      const lost = [...this.#lost]
      this.#lost.clear()
      for (const each of lost) this.#send(each)
    }, this.#pauseMs)
  }

  #stopRetrying(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
  }

  #missing(): AgentAnswer {
    if (!this.#place.passes) return missingAgent(this.#place.path)
    warnOfMissingAgent(this.#place.path)
    return { kind: 'passed' }
  }

  #answer(asked: Waiting, answer: AgentAnswer): void {
    if (!asked.isWanted) return
    asked.isWanted = false
    asked.answered(answer)
  }
}
