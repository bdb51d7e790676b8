import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createNetServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { descriptorLimit } from '@dyad-ts/core/internal'
import { type WebSocket, WebSocketServer } from 'ws'
import { authority, type BindOptions, bind } from './bind.js'
import { Gate, PATIENCE_MS } from './gate.js'
import { Link, type LinkHandlers } from './link.js'
import { type Handshake, makeNonce, proofOf, proves } from './proof.js'
import { nonceIn, PROOF_FRAME_BYTES, proofInFrame, serverHeaders } from './upgrade.js'

/** Options of {@link listen}. */
export interface ListenOptions extends BindOptions {
  /** PEM certificate and key; with them the listener speaks TLS only. @default none */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined
  /** Largest message accepted, in bytes; a larger one closes its link. */
  maxFrameBytes: number
  /**
   * Returns the audience, as clients name it when they connect. Proofs for it count nowhere else.
   * @default '', as at a store
   */
  audience?: (() => string) | undefined
  /** Milliseconds that a peer has to prove itself, TLS handshake included. @default 10000 */
  patienceMs?: number | undefined
}

/** A listening socket, and the links that it accepted. */
export interface Listener extends AsyncDisposable {
  readonly port: number
  /**
   * Returns the address of this listener for peers that reach it under `hostname`.
   * @param hostname name or address. @default the address bound
   */
  url(hostname?: string): string
  /**
   * Closes every link and the socket, and destroys the links that are open after two seconds.
   * Closing twice is no error.
   */
  close(): Promise<void>
}

/** Time that links have to close once the listener closes, in ms. */
const GRACE_MS = 2_000
const UNAUTHORIZED = 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/**
 * Accepts links from peers that prove to know the token, at most half as many as the process may
 * have descriptors. ERR_DYAD_BIND if the address cannot be bound, or needs a token and has none.
 */
export async function listen(options: ListenOptions, accept: (link: Link) => LinkHandlers): Promise<Listener> {
  const { tls, token, maxFrameBytes, audience = () => '', patienceMs = PATIENCE_MS } = options
  const gate = new Gate({ patienceMs })
  const maxLinks = Math.max(1, Math.floor(descriptorLimit() / 2))
  const links = new Set<Link>()
  const greetings = new WeakMap<IncomingMessage, string[]>()
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: false,
  })
  sockets.on('headers', (headers, request) => headers.push(...(greetings.get(request) ?? [])))

  const admit = (webSocket: WebSocket, socket: Socket) => {
    gate.admit(socket)
    new Link(webSocket, socket, { client: false, maxFrameBytes, isLent: false }, (link) => {
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
  }

  const http = createServer(refusePlain)
  http.keepAliveTimeout = 1
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const clientNonce = nonceIn(request.headers)
    if (clientNonce === undefined) return gate.refuse(socket, UNAUTHORIZED)
    if (gate.admitted >= maxLinks) return gate.refuse(socket, UNAVAILABLE)
    const serverNonce = makeNonce()
    const handshake: Handshake = { token, audience: audience(), clientNonce, serverNonce }
    greetings.set(request, serverHeaders(serverNonce, proofOf('server', handshake)))
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      awaitProof(webSocket, socket, (proof) => {
        if (proves(proof, 'client', handshake)) admit(webSocket, socket)
        else socket.destroy()
      })
    })
  })

  const secureContext = tls && createSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  const server = createNetServer({ allowHalfOpen: true, noDelay: true }, (plain) => {
    const socket = secureContext ? new TLSSocket(plain, { isServer: true, secureContext }) : plain
    gate.enter(socket)
    http.emit('connection', socket)
  })
  const { host, port } = await bind(server, options)
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const link of links) link.close()
      gate.close(GRACE_MS)
    })
    return closing
  }
  return {
    port,
    url: (hostname = host) => `${tls ? 'wss' : 'ws'}://${authority(hostname, port)}`,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Reads the frame with a client's proof. ws reads nothing until `decide` has returned. */
function awaitProof(webSocket: WebSocket, socket: Socket, decide: (proof: Buffer) => void): void {
  const readers = socket.listeners('data') as ((chunk: Buffer) => void)[]
  let frame: Buffer = Buffer.alloc(0)
  const read = (chunk: Buffer) => {
    frame = frame.length === 0 ? chunk : Buffer.concat([frame, chunk])
    if (frame.length < PROOF_FRAME_BYTES) return
    socket.off('data', read)
    for (const reader of readers) socket.on('data', reader)
    decide(proofInFrame(frame) ?? Buffer.alloc(0))
    if (frame.length > PROOF_FRAME_BYTES && !socket.destroyed) socket.emit('data', frame.subarray(PROOF_FRAME_BYTES))
  }
  socket.on('data', read)
  for (const reader of readers) socket.off('data', reader)
  // No other handler listens before the link is made.
  webSocket.on('error', () => socket.destroy())
}

const refusePlain: RequestListener = (_request, response) => {
  response.writeHead(426, { connection: 'close', 'content-type': 'text/plain' })
  response.end('This port speaks DYAD over WebSocket.\n')
}
