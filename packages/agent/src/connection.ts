import type { Socket } from 'node:net'
import { type DyadCore, DyadError } from '@dyad/core'
import { failedAnswer, plainAnswer } from './answers.js'
import { Body } from './body.js'
import { ANSWER, FrameReader, REQUEST, VERSION, wrongFrame } from './frames.js'
import type { Publishing } from './publishing.js'
import { requested } from './requests.js'
import type { Sessions, UsedSession } from './sessions.js'

/** Requests that one connection may have under way. */
const MOST_REQUESTS = 1_024
/** Answers that a client may leave unread beyond what the system holds, in bytes. */
const MOST_UNREAD_BYTES = 1024 * 1024
/** How long a client may take to say HELLO, and to complete a frame that it began, in ms. */
const FRAME_MS = 10_000
/** Variables of HELLO. */
const MOST_VARIABLES = 1_000

/** What the connections of an agent share. */
export interface Shared {
  readonly sessions: Sessions
  readonly publishing: Publishing
}

/** One client. Ends itself with its socket. */
export class Connection {
  readonly #socket: Socket
  readonly #shared: Shared
  readonly #reader = new FrameReader()
  readonly #ending = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #used: UsedSession | undefined
  /** Once it is open. */
  #session: DyadCore | undefined
  /** Why there is none. */
  #refusal: unknown
  #underWay = 0
  #answers: Buffer[] = []

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket
    this.#shared = shared
    this.#timer = setTimeout(() => this.#end(wrongFrame(`no HELLO in ${FRAME_MS} ms`)), FRAME_MS)
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(this.#timer)
      this.#ending.abort(new DyadError('ERR_DYAD_CLOSED', { detail: 'the program has closed its connection' }))
      this.#used?.release()
    })
  }

  #received(chunk: Buffer): void {
    if (this.#socket.destroyed) return
    try {
      this.#reader.push(chunk, this.#take)
      this.#limitFrame()
    } catch (error) {
      this.#end(error)
    }
  }

  /** A client that has begun a frame must complete it in time. */
  #limitFrame(): void {
    if (this.#used === undefined && this.#refusal === undefined) return
    if (!this.#reader.isMidway) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    } else {
      this.#timer ??= setTimeout(() => this.#end(wrongFrame(`half a frame in ${FRAME_MS} ms`)), FRAME_MS)
    }
  }

  readonly #take = (bytes: Buffer, start: number, end: number): void => {
    const kind = bytes[start] ?? 0
    const id = bytes.readUInt32LE(start + 1)
    const body = new Body(bytes, start + 5, end)
    if (++this.#underWay > MOST_REQUESTS) throw wrongFrame(`more than ${MOST_REQUESTS} requests under way`)
    if (this.#used === undefined && this.#refusal === undefined) {
      if (kind !== REQUEST.HELLO) throw wrongFrame(`request ${kind} before HELLO`)
      this.#hello(id, body)
    } else {
      const request = requested(kind, id, body)
      void this.#answerTo(id, (session) => request(session, this.#shared, this.#ending.signal))
    }
  }

  #hello(id: number, body: Body): void {
    const version = body.number16()
    if (version !== VERSION) throw wrongFrame(`version ${version} of the protocol; this agent speaks ${VERSION}`)
    body.text()
    const variables = variablesIn(body)
    body.done()
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      this.#used = this.#shared.sessions.use(variables)
    } catch (error) {
      this.#refusal = error
    }
    void this.#answerTo(id, async (session) => {
      this.#session = session
      return plainAnswer(ANSWER.DONE, id)
    })
  }

  async #answerTo(id: number, work: (session: DyadCore) => Promise<Buffer>): Promise<void> {
    let answer: Buffer
    try {
      if (this.#refusal !== undefined) throw this.#refusal
      const session = this.#session ?? (await this.#used?.opening)
      if (session === undefined) throw new DyadError('ERR_DYAD_CLOSED')
      answer = await work(session)
    } catch (error) {
      answer = failedAnswer(id, error)
    }
    this.#underWay--
    this.#write(answer)
  }

  /** The answers of one turn leave in one write. */
  #write(answer: Buffer): void {
    if (this.#socket.destroyed) return
    if (this.#answers.push(answer) === 1) process.nextTick(this.#flush)
  }

  readonly #flush = (): void => {
    const [first, ...rest] = this.#answers
    if (first === undefined || this.#socket.destroyed) return
    this.#answers = []
    this.#socket.write(rest.length === 0 ? first : Buffer.concat([first, ...rest]))
    if (this.#socket.writableLength > MOST_UNREAD_BYTES) this.#socket.destroy()
  }

  /** Ends the connection, and says why as far as the client can hear it now. */
  #end(error: unknown): void {
    if (this.#socket.destroyed) return
    this.#flush()
    if (this.#socket.writableLength === 0) this.#socket.write(failedAnswer(0, error))
    this.#socket.destroy()
  }
}

function variablesIn(body: Body): Map<string, string> {
  const count = body.number16()
  if (count > MOST_VARIABLES) throw wrongFrame(`${count} variables`)
  const variables = new Map<string, string>()
  for (let i = 0; i < count; i++) {
    const [name, value] = [body.text(), body.text()]
    if (name !== undefined && value !== undefined) variables.set(name, value)
  }
  return variables
}
