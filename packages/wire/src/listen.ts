import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, BlockList, isIP, type Socket } from 'node:net'
import { DyadError } from '@dyad/core'
import { WebSocketServer } from 'ws'
import { Link, type LinkHandlers } from './link.js'

/** Options of {@link listen}. */
export interface ListenOptions {
  /** Address or name to bind. @default '127.0.0.1' */
  host?: string | undefined
  /** Port to bind; 0 takes any. @default 0 */
  port?: number | undefined
  /** What a peer must present. Needed to bind beyond loopback. @default none */
  token?: string | undefined
  /** PEM certificate and key; with them the listener speaks TLS only. @default none */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined
  /** Largest message accepted, in bytes; a larger one closes its link. */
  maxFrameBytes: number
}

/** A listening socket and the links that it accepted. */
export interface Listener extends AsyncDisposable {
  readonly port: number
  /** Address of this listener for peers that reach it under `hostname`, by default the address bound. */
  url(hostname?: string): string
  /** Closes every link and the socket. Closing twice is no error. */
  close(): Promise<void>
}

/** How long a peer may take to ask for a link, in ms. */
const HANDSHAKE_MS = 10_000
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Accepts links from peers that present the token. ERR_DYAD_BIND if the address cannot be bound, or not without a token. */
export async function listen(options: ListenOptions, accept: (link: Link) => LinkHandlers): Promise<Listener> {
  const host = options.host ?? '127.0.0.1'
  if (!isLoopback(host) && !options.token) {
    throw new DyadError('ERR_DYAD_BIND', { detail: `${host} is not loopback, and no token is set` })
  }
  const server = options.tls
    ? createTlsServer({ ...options.tls, minVersion: 'TLSv1.2' }, refusePlain)
    : createServer(refusePlain)
  server.headersTimeout = HANDSHAKE_MS
  server.requestTimeout = HANDSHAKE_MS
  server.keepAliveTimeout = 1
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: false,
  })
  const links = new Set<Link>()
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // A peer may hang up before or while it is answered.
    socket.on('error', () => socket.destroy())
    if (!presentsToken(request, options.token)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      new Link(webSocket, socket, { client: false, maxFrameBytes: options.maxFrameBytes }, (link) => {
        links.add(link)
        const handlers = accept(link)
        return {
          message: (bytes) => handlers.message(bytes),
          closed: (reason) => {
            links.delete(link)
            handlers.closed(reason)
          },
        }
      })
    })
  })
  await bind(server, host, options.port ?? 0)
  const { port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const link of links) link.close()
      server.closeAllConnections()
    })
    return closing
  }
  return {
    port,
    url: (hostname = host) =>
      `${options.tls ? 'wss' : 'ws'}://${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port}`,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function isLoopback(host: string): boolean {
  const family = isIP(host)
  if (family === 0) return host === 'localhost'
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

/** Compares digests, whose equal length timingSafeEqual needs, so that the time taken tells nothing. */
function presentsToken(request: IncomingMessage, token: string | undefined): boolean {
  if (!token) return true
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`))
}

const refusePlain: RequestListener = (_request, response) => {
  response.writeHead(426, { connection: 'close', 'content-type': 'text/plain' })
  response.end('This port speaks DYAD over WebSocket.\n')
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new DyadError('ERR_DYAD_BIND', { detail: `${host} port ${port}: ${cause.message}`, cause }))
    })
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      server.on('error', () => {})
      resolve()
    })
  })
}
