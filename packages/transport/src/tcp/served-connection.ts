import type { Socket } from 'node:net'
import { DyadError } from '@dyad-ts/core'
import { errorText } from '@dyad-ts/core/internal'
import { makeNonce, proofOf, proves } from '@dyad-ts/wire'
import {
  errorReply,
  greetingOf,
  HELLO_BYTES,
  MAX_REQUEST_BYTES,
  REQUEST_HEAD_BYTES,
  readHello,
  readRequest,
  requestLength,
  type TcpRequest,
  welcomeOf,
} from './frames.js'
import { type Outlet, sendFile } from './send-file.js'
import type { Served } from './served.js'

/**
 * Time that a peer may be without a request, or without reading its reply, in ms. Clients keep a
 * connection for a shorter time.
 */
const SILENCE_MS = 300_000
/** Time that a refused peer has to hang up, in ms. */
const LINGER_MS = 1_000
const NOTHING = Buffer.alloc(0)

/**
 * The server's end of a connection: greeting, hello and welcome, then one request after another.
 */
export class ServedConnection implements Outlet {
  readonly #socket: Socket
  readonly #served: Served
  readonly #stop = new AbortController()
  readonly #nonce = makeNonce()
  #deadline: NodeJS.Timeout | undefined
  #input: Buffer = NOTHING
  #isKnown = false
  #isEnding = false
  #serving: Promise<void> | undefined

  constructor(socket: Socket, served: Served) {
    this.#socket = socket
    this.#served = served
    socket.setNoDelay(true)
    socket.setTimeout(SILENCE_MS, () => socket.destroy())
    socket.on('data', (bytes: Buffer) => this.#received(bytes))
    socket.on('end', () => this.destroy())
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
    socket.write(greetingOf(this.#nonce))
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Whether the peer has proved that it knows the token. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Whether it is open, and answers no request. */
  get isIdle(): boolean {
    return this.#serving === undefined && !this.#isEnding
  }

  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => resolve())
    })
  }

  /** Ends the connection: an error has no place in a reply that has begun. */
  endIdle(): void {
    this.destroy()
  }

  /** Sends the peer the error, and hangs up. */
  refuse(error: DyadError): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#input = NOTHING
    // The bytes that the peer still sends are read and dropped. Unread bytes would make the system
    // send a reset, which would overtake the refusal.
    this.#socket.end(errorReply(errorText(error)))
    this.#endIn(LINGER_MS)
  }

  destroy(): void {
    this.#inTime()
    this.#isEnding = true
    this.#socket.destroy()
    if (!this.#stop.signal.aborted) this.#stop.abort(new DyadError('ERR_DYAD_TRANSFER'))
  }

  /** Calls `gone` once the connection is closed and has no file open. */
  whenGone(gone: () => void): void {
    this.#socket.on('close', () => void this.drained().then(gone))
  }

  /** Resolves once the connection has no file open. */
  async drained(): Promise<void> {
    await this.#serving
  }

  #received(bytes: Buffer): void {
    if (this.#isEnding) return
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes])
    this.#proceed()
  }

  #proceed(): void {
    try {
      if (!this.#isKnown && !this.#readHello()) return
      if (this.#serving === undefined) {
        const request = this.#takeRequest()
        if (request !== undefined) this.#serving = this.#serve(request)
      }
      // One more request may come before the last file is closed, but no more than that. An error
      // cannot interrupt a reply under way.
      if (this.#serving !== undefined && this.#input.length > REQUEST_HEAD_BYTES + MAX_REQUEST_BYTES) this.destroy()
    } catch (error) {
      this.refuse(error as DyadError)
    }
  }

  #readHello(): boolean {
    const hello = readHello(this.#input)
    if (hello === undefined) return false
    const { nonce: clientNonce, proof } = hello
    const { token, audience } = this.#served
    const handshake = { token, audience: audience(), clientNonce, serverNonce: this.#nonce }
    if (!proves(proof, 'client', handshake)) throw new DyadError('ERR_DYAD_DENIED')
    this.#served.admit(this.#socket)
    this.#input = this.#input.subarray(HELLO_BYTES)
    this.#isKnown = true
    this.#socket.write(welcomeOf(proofOf('server', handshake)))
    return true
  }

  #takeRequest(): TcpRequest | undefined {
    const bytes = this.#input
    if (bytes.length === 0) return undefined
    const end = requestEnd(bytes)
    if (end === undefined) {
      // The time runs from the first byte, however slowly the others come.
      if (this.#deadline === undefined) this.#endIn(this.#served.patienceMs)
      return undefined
    }
    this.#inTime()
    this.#input = bytes.length === end ? NOTHING : bytes.subarray(end)
    return readRequest(bytes.subarray(REQUEST_HEAD_BYTES, end))
  }

  async #serve(request: TcpRequest): Promise<void> {
    const isWhole = await sendFile(request, this.#served, this)
    this.#serving = undefined
    if (this.#isEnding) return
    if (isWhole) {
      this.#proceed()
      return
    }
    this.#isEnding = true
    this.#socket.end()
  }

  #endIn(ms: number): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => this.destroy(), ms).unref()
  }

  #inTime(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
  }
}

/**
 * Returns where the request ends with which `bytes` begin, or undefined if its end has not come
 * yet. ERR_DYAD_PROTOCOL.
 */
function requestEnd(bytes: Buffer): number | undefined {
  if (bytes.length < REQUEST_HEAD_BYTES) return undefined
  const end = REQUEST_HEAD_BYTES + requestLength(bytes)
  return end <= bytes.length ? end : undefined
}
