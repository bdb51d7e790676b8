import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { authority, type BindOptions, bind } from './bind.js'
import { Link, type LinkHandlers } from './link.js'
import { digestOf, isSameDigest } from './secret.js'

/** Options of {@link listen}. */
export interface ListenOptions extends BindOptions {
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

/** Accepts links from peers that present the token. ERR_DYAD_BIND if the address cannot be bound, or not without a token. */
export async function listen(options: ListenOptions, accept: (link: Link) => LinkHandlers): Promise<Listener> {
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
      new Link(webSocket, socket, { client: false, maxFrameBytes: options.maxFrameBytes, isLent: false }, (link) => {
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
  const { host, port } = await bind(server, options)
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
    url: (hostname = host) => `${options.tls ? 'wss' : 'ws'}://${authority(hostname, port)}`,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function presentsToken(request: IncomingMessage, token: string | undefined): boolean {
  return !token || isSameDigest(digestOf(request.headers.authorization ?? ''), digestOf(`Bearer ${token}`))
}

const refusePlain: RequestListener = (_request, response) => {
  response.writeHead(426, { connection: 'close', 'content-type': 'text/plain' })
  response.end('This port speaks DYAD over WebSocket.\n')
}
