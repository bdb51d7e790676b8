import type { NetConnectOpts, Socket } from 'node:net'
import { DyadError } from '@dyad/core'
import { WebSocket } from 'ws'
import { connectLending, type LendingSocket } from './lending-socket.js'
import { Link, type LinkHandlers } from './link.js'

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** What to present to the listener. @default none */
  token?: string | undefined
  /** PEM certificates to trust for `wss:` beside the system's. @default the system's alone */
  ca?: string | Buffer | undefined
  /** Largest message accepted, in bytes; a larger one closes the link. */
  maxFrameBytes: number
  /** Ends the attempt early; it rejects with the signal's reason. @default none */
  signal?: AbortSignal | undefined
}

/** How long a listener may take to answer, in ms. */
const HANDSHAKE_MS = 10_000

/**
 * Opens a link to a listener. ERR_DYAD_DENIED if it wants another token, ERR_DYAD_PROTOCOL if it answers otherwise than a listener of ours,
 * and the network's own error (ECONNREFUSED, …) if it cannot be reached.
 */
export function connect(
  url: string,
  options: ConnectOptions,
  handlersFor: (link: Link) => LinkHandlers,
): Promise<Link> {
  return new Promise((resolve, reject) => {
    const { signal } = options
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    let lending: LendingSocket | undefined
    const createConnection = (where: unknown) => {
      lending = connectLending(where as NetConnectOpts)
      return lending.socket
    }
    const socket = new WebSocket(url, {
      // With TLS Node decrypts into new memory anyway.
      ...(new URL(url).protocol === 'ws:' && { createConnection }),
      headers: options.token ? { authorization: `Bearer ${options.token}` } : {},
      ca: options.ca,
      maxPayload: options.maxFrameBytes,
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
    })
    const failed = (error: unknown) => {
      signal?.removeEventListener('abort', aborted)
      reject(error)
      socket.terminate()
    }
    const aborted = () => failed(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    // Stays on, since terminate() before the handshake's end is an error too.
    socket.on('error', failed)
    socket.on('unexpected-response', (_request, response) => {
      response.resume()
      const code = response.statusCode === 401 ? 'ERR_DYAD_DENIED' : 'ERR_DYAD_PROTOCOL'
      failed(new DyadError(code, { detail: `${url} answered ${response.statusCode}` }))
    })
    let raw: Socket | undefined
    socket.on('upgrade', (response) => {
      raw = response.socket
    })
    socket.on('open', () => {
      signal?.removeEventListener('abort', aborted)
      socket.off('error', failed)
      // ws tells of the upgrade before it is open.
      const end = { client: true, maxFrameBytes: options.maxFrameBytes, isLent: lending !== undefined }
      resolve(new Link(socket, raw as Socket, end, handlersFor))
      lending?.lend()
    })
  })
}
