import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { makeNonce, PROOF_BYTES, proofOf } from '@dyad-ts/wire'
import {
  GREETING_BYTES,
  greetingOf,
  HELLO_BYTES,
  helloOf,
  REPLY_HEAD_BYTES,
  readGreeting,
  readHello,
  welcomeOf,
} from '../../src/tcp/frames.js'

/** A client that sends any bytes, and keeps those that it receives. */
export class RawSocket implements AsyncDisposable {
  readonly socket: Socket
  readonly #url: string
  #received = Buffer.alloc(0)
  #wake: (() => void) | undefined
  #isClosed = false
  readonly #closed: Promise<unknown>

  private constructor(socket: Socket, url: string) {
    this.socket = socket
    this.#url = url
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true
        this.#wake?.()
        resolve(undefined)
      })
    })
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake?.()
    })
  }

  static async open(address: string): Promise<RawSocket> {
    const { url } = JSON.parse(address) as { url: string }
    const raw = new RawSocket(connect(Number(new URL(url).port), '127.0.0.1'), url)
    await once(raw.socket, 'connect')
    return raw
  }

  /** Takes the greeting. Resolves with the hello of a client with this token. */
  async hello(token: string | undefined, audience = this.#url): Promise<Buffer> {
    const serverNonce = readGreeting(await this.take(GREETING_BYTES))
    if (serverNonce === undefined) throw new Error('no greeting')
    const clientNonce = makeNonce()
    return helloOf(clientNonce, proofOf('client', { token, audience, clientNonce, serverNonce }))
  }

  /** Proves that it knows the token. */
  async introduce(token: string | undefined): Promise<void> {
    this.send(await this.hello(token))
    await this.take(REPLY_HEAD_BYTES + PROOF_BYTES)
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** Resolves with the next `length` bytes, or with fewer if the server hangs up. */
  async take(length: number): Promise<Buffer> {
    while (this.#received.length < length && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const taken = this.#received.subarray(0, length)
    this.#received = this.#received.subarray(length)
    return taken
  }

  /** Resolves with all bytes until the server hangs up. */
  rest(): Promise<Buffer> {
    return this.take(Number.POSITIVE_INFINITY)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.#closed
  }
}

/** A server that welcomes its clients, and then runs a function with each connection. */
export interface RawServer extends AsyncDisposable {
  /** Address of the server, as the tcp transport writes it. */
  readonly address: string
  /** All connections so far. */
  readonly sockets: Socket[]
  readonly server: Server
}

/**
 * Starts a server without a token. `welcome` may return other bytes to send instead of a proof.
 * With `isMute` the server sends nothing at all.
 */
export async function rawServer(
  accept: (socket: Socket, nth: number) => void,
  { welcome, isMute = false }: { welcome?: (hello: Buffer) => Buffer; isMute?: boolean } = {},
): Promise<RawServer> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
    const nth = sockets.length
    if (isMute) return
    const serverNonce = makeNonce()
    socket.write(greetingOf(serverNonce))
    socket.once('data', (bytes: Buffer) => {
      const clientNonce = readHello(bytes)?.nonce ?? Buffer.alloc(0)
      const handshake = { token: undefined, audience: url(), clientNonce, serverNonce }
      socket.write(welcome?.(bytes) ?? welcomeOf(proofOf('server', handshake)))
      accept(socket, nth)
      socket.emit('data', bytes.subarray(HELLO_BYTES))
    })
  })
  const url = () => `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: JSON.stringify({ v: 1, url: url() }),
    sockets,
    server,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
