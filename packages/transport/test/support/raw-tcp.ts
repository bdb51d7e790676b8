import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A client that sends whatever it is told to, and keeps what it gets. */
export class RawSocket implements AsyncDisposable {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #wake: (() => void) | undefined
  #isClosed = false
  readonly #closed: Promise<unknown>

  private constructor(socket: Socket) {
    this.socket = socket
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
    const { port } = new URL((JSON.parse(address) as { url: string }).url)
    const raw = new RawSocket(connect(Number(port), '127.0.0.1'))
    await once(raw.socket, 'connect')
    return raw
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** The next `length` bytes, or what there is when the server has hung up. */
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

  /** Everything until the server hangs up. */
  rest(): Promise<Buffer> {
    return this.take(Number.POSITIVE_INFINITY)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.#closed
  }
}

/** A server that does what it is told to with each connection. */
export interface RawServer extends AsyncDisposable {
  /** Its address, as the tcp transport writes it. */
  readonly address: string
  /** Connections that came. */
  readonly sockets: Socket[]
  readonly server: Server
}

export async function rawServer(accept: (socket: Socket, nth: number) => void): Promise<RawServer> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
    accept(socket, sockets.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: JSON.stringify({ v: 1, url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` }),
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
