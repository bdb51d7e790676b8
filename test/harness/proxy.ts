import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Teardown } from './teardown.js'

/**
 * Where proxies listen. Both ends prove to each other the address under which they met, so a server
 * behind a proxy advertises this one.
 */
export const PROXY_HOST = '127.0.0.2'

/**
 * Listens at the same port of {@link PROXY_HOST} as a server at 127.0.0.1, until the test ends.
 * Opens a connection to the server for each that comes, and ends both together. `join` passes on
 * what both send.
 */
export async function proxyBefore(
  t: Teardown,
  port: number,
  join: (client: Socket, target: Socket) => void,
): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    join(client, target)
  })
  server.listen(port, PROXY_HOST)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
}
