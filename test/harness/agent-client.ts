import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** An answer of the agent. */
export interface Answer {
  readonly kind: number
  readonly id: number
  readonly body: Buffer
}

/** What FAILED says. */
export interface Failure {
  readonly errno: number
  readonly code: string
  readonly message: string
}

export const [HELLO, CONSUME, LOOK, PRODUCE, CHANGE, REMOVE, MOVE, REPORT, OWN, NEWS] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const
export const [DONE, ABSENT, RECORD, REPORTED, FAILED] = [128, 129, 130, 131, 132] as const
export const WAIT = 1

/** A client of the agent's protocol, written from docs/agent-protocol.md and nothing else. */
export class AgentClient implements AsyncDisposable {
  readonly socket: Socket
  /** Resolves once the connection has ended. */
  readonly ended: Promise<void>
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  #received = Buffer.alloc(0)
  #next = 1

  private constructor(socket: Socket) {
    this.socket = socket
    this.ended = new Promise((resolve) => socket.on('close', () => resolve()))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the connection has ended'))
      this.#waiting.clear()
    })
  }

  /** Connects, and says nothing yet. */
  static async connect(path: string): Promise<AgentClient> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new AgentClient(socket)
  }

  /** Connects and says HELLO. */
  static async greet(path: string, variables: Record<string, string | Uint8Array>, run = ''): Promise<AgentClient> {
    const client = await AgentClient.connect(path)
    await client.done(HELLO, hello(variables, run))
    return client
  }

  /** Sends a request. */
  ask(kind: number, body: Buffer): Promise<Answer> {
    const id = this.#next++
    const answer = this.answerTo(id)
    this.socket.write(frame(kind, id, body))
    return answer
  }

  /** The answer with that id. */
  answerTo(id: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) reject(new Error('the connection has ended'))
      else this.#waiting.set(id, { resolve, reject })
    })
  }

  /**
   * Asks for what is answered by DONE or ABSENT, and resolves with which; rejects with what FAILED
   * says.
   */
  async done(kind: number, body: Buffer): Promise<'done' | 'absent'> {
    const answer = await this.ask(kind, body)
    if (answer.kind === DONE) return 'done'
    if (answer.kind === ABSENT) return 'absent'
    throw Object.assign(new Error(failure(answer).message), failure(answer))
  }

  consume(name: string, flags = WAIT): Promise<'done' | 'absent'> {
    return this.done(CONSUME, named(name, flags))
  }

  produce(name: string): Promise<'done' | 'absent'> {
    return this.done(PRODUCE, named(name))
  }

  change(name: string): Promise<'done' | 'absent'> {
    return this.done(CHANGE, named(name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.ended
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    for (;;) {
      const received = this.#received
      if (received.length < 4 || received.length < 4 + received.readUInt32LE(0)) return
      const end = 4 + received.readUInt32LE(0)
      const answer = { kind: received[4] ?? 0, id: received.readUInt32LE(5), body: received.subarray(9, end) }
      this.#received = received.subarray(end)
      this.#waiting.get(answer.id)?.resolve(answer)
      this.#waiting.delete(answer.id)
    }
  }
}

export function frame(kind: number, id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt32LE(5 + body.length)
  head[4] = kind
  head.writeUInt32LE(id, 5)
  return Buffer.concat([head, body])
}

export function text(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(bytes.length)
  return Buffer.concat([length, bytes])
}

export function hello(variables: Record<string, string | Uint8Array>, run = '', version = 1): Buffer {
  const numbers = Buffer.from([version, version >> 8])
  const count = Buffer.alloc(2)
  count.writeUInt16LE(Object.keys(variables).length)
  return Buffer.concat([numbers, text(run), count, ...Object.entries(variables).flat().map(text)])
}

export function named(name: string | Uint8Array, flags = 0): Buffer {
  return Buffer.concat([Buffer.from([flags]), text(name)])
}

export function failure({ kind, body }: Answer): Failure {
  if (kind !== FAILED) throw new Error(`answer ${kind} is no failure`)
  const codeEnd = 6 + body.readUInt16LE(4)
  return {
    errno: body.readUInt32LE(0),
    code: body.toString('utf8', 6, codeEnd),
    message: body.toString('utf8', codeEnd + 2, codeEnd + 2 + body.readUInt16LE(codeEnd)),
  }
}
