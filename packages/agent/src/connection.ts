import type { Socket } from 'node:net'
import { type DyadCore, DyadError } from '@dyad-ts/core'
import { descriptorClosed } from '@dyad-ts/core/internal'
import { codeOf, failedAnswer, messageOf, plainAnswer } from './answers.js'
import { Body } from './body.js'
import type { FilesAbove } from './files-above.js'
import { ANSWER, FrameReader, REQUEST, VERSION, wrongFrame } from './frames.js'
import type { NotedFiles } from './noted-files.js'
import type { Publishing } from './publishing.js'
import { type Request, type RequestContext, requested } from './requests.js'
import type { Runs } from './run-log.js'
import type { Sessions, UsedSession } from './sessions.js'

/** Most requests of one connection under way. */
const MOST_REQUESTS = 1_024
/**
 * Most bytes of answers that a client leaves unread beyond the system's buffers: the longest
 * answers to so many requests.
 */
const MOST_UNREAD_BYTES = MOST_REQUESTS * 5 * 1024
/** Longest time for a client to send HELLO, and to complete a frame, in ms. */
const FRAME_MS = 10_000
/** Most variables of HELLO. */
const MOST_VARIABLES = 1_000
/** Longest id of a run, in bytes. */
const MOST_RUN_BYTES = 255

/** Shared by the connections of an agent. */
export interface Shared {
  readonly sessions: Sessions
  readonly publishing: Publishing
  readonly ownFiles: NotedFiles
  readonly filesAbove: FilesAbove
  readonly runs: Runs
}

/** One client. It ends with its socket. */
export class Connection {
  readonly #socket: Socket
  readonly #shared: Shared
  readonly #reader = new FrameReader()
  readonly #ending = new AbortController()
  #context: RequestContext
  #timer: NodeJS.Timeout | undefined
  #used: UsedSession | undefined
  /** Set once it is open. */
  #session: DyadCore | undefined
  /** Why there is no session. */
  #refusal: unknown
  #underWay = 0
  #answers: Buffer[] = []

  /** @param ended called once, at the end of the connection */
  constructor(socket: Socket, shared: Shared, ended: () => void) {
    this.#socket = socket
    this.#shared = shared
    this.#context = { ...shared, run: undefined, signal: this.#ending.signal }
    this.#timer = setTimeout(() => this.#end(wrongFrame(`no HELLO in ${FRAME_MS} ms`)), FRAME_MS)
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(this.#timer)
      this.#ending.abort(new DyadError('ERR_DYAD_CLOSED', { detail: 'the program has closed its connection' }))
      this.#used?.release()
      ended()
      descriptorClosed()
    })
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.#answers.length === 0 && !this.#reader.isMidway && this.#used !== undefined
  }

  /** Ends the connection and its waits. */
  destroy(): void {
    this.#socket.destroy()
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

  /** Limits the time of a frame that has begun. */
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
      void this.#serve(id, requested(kind, id, body))
    }
  }

  #hello(id: number, body: Body): void {
    const version = body.number16()
    if (version !== VERSION) throw wrongFrame(`version ${version} of the protocol; this agent speaks ${VERSION}`)
    const run = this.#shared.runs.of(body.text(MOST_RUN_BYTES) ?? '')
    const variables = variablesIn(body)
    body.done()
    this.#context = { ...this.#context, run }
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      this.#used = this.#shared.sessions.use(variables)
    } catch (error) {
      this.#refusal = error
    }
    void this.#serve(id, { what: 'HELLO', name: undefined, serve: async () => plainAnswer(ANSWER.DONE, id) })
  }

  async #serve(id: number, { what, name, serve }: Request): Promise<void> {
    let answer: Buffer
    try {
      answer = await serve(this.#session ?? (await this.#open()), this.#context)
    } catch (error) {
      answer = failedAnswer(id, error)
      if (!this.#socket.destroyed) this.#context.run?.failed(what, name ?? '', codeOf(error), messageOf(error))
    }
    this.#underWay--
    this.#write(answer)
  }

  async #open(): Promise<DyadCore> {
    if (this.#used === undefined) throw this.#refusal
    this.#session = await this.#used.opening
    return this.#session
  }

  /** Collects the answers of one turn into one write. */
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

  /** Ends the connection, after it tries to send the reason. */
  #end(error: unknown): void {
    if (this.#socket.destroyed) return
    this.#flush()
    if (this.#socket.writableLength === 0) this.#socket.write(failedAnswer(0, error))
    this.#socket.destroy()
  }
}

/** Reads variables. A value that is not UTF-8 is undefined. */
function variablesIn(body: Body): Map<string, string | undefined> {
  const count = body.number16()
  if (count > MOST_VARIABLES) throw wrongFrame(`${count} variables`)
  const variables = new Map<string, string | undefined>()
  for (let i = 0; i < count; i++) {
    const [name, value] = [body.text(), body.text()]
    if (name !== undefined) variables.set(name, value)
  }
  return variables
}
