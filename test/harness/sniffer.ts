import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a listener, passes everything on, and keeps it. */
export class Sniffer implements AsyncDisposable {
  /** What each connection carried. */
  readonly heard: { toServer: Buffer; toClient: Buffer }[] = []
  readonly #sockets: Socket[] = []
  readonly #server

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1')
      const heard = { toServer: Buffer.alloc(0), toClient: Buffer.alloc(0) }
      this.heard.push(heard)
      this.#sockets.push(client, server)
      client.on('data', (bytes: Buffer) => {
        heard.toServer = Buffer.concat([heard.toServer, bytes])
        server.write(bytes)
      })
      server.on('data', (bytes: Buffer) => {
        heard.toClient = Buffer.concat([heard.toClient, bytes])
        client.write(bytes)
      })
      client.on('close', () => server.destroy()).on('error', () => server.destroy())
      server.on('close', () => client.destroy()).on('error', () => client.destroy())
    })
  }

  static async before(port: number): Promise<Sniffer> {
    const sniffer = new Sniffer(port)
    sniffer.#server.listen(0, '127.0.0.1')
    await once(sniffer.#server, 'listening')
    return sniffer
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
