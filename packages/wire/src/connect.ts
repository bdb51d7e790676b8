import type { NetConnectOpts } from 'node:net'
import { DyadError } from '@dyad-ts/core'
import { WebSocket } from 'ws'
import { connectLending, type LendingSocket } from './lending-socket.js'
import { Link, type LinkHandlers } from './link.js'
import { type Handshake, makeNonce, proofOf, proves } from './proof.js'
import { orUntrusted } from './untrusted-certificate.js'
import { clientHeaders, nonceIn, proofIn } from './upgrade.js'

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** Secret that both ends prove to know; it is never sent. @default none */
  token?: string | undefined
  /** Audience that the listener must name. @default '', as at a store */
  audience?: string | undefined
  /** PEM certificates to trust for `wss:` beside the system's. @default the system's alone */
  ca?: string | Buffer | undefined
  /** Largest message accepted, in bytes; a larger one closes the link. */
  maxFrameBytes: number
  /**
   * Milliseconds that the listener may be silent before the link ends, 3,000 to 30,000.
   * @default 30000
   */
  silentMs?: number | undefined
  /** Ends the attempt early; it rejects with the signal's reason. @default none */
  signal?: AbortSignal | undefined
}

/** Time that a listener has to answer, in ms. */
const HANDSHAKE_MS = 10_000
const NOTHING = Buffer.alloc(0)

/**
 * Opens a link to a listener. ERR_DYAD_DENIED if the listener does not prove that it knows the
 * token; the listener learns nothing of the token. ERR_DYAD_PROTOCOL if another kind of server
 * answers. The network's own error (ECONNREFUSED, …) if none answers.
 */
export function connect(
  url: string,
  options: ConnectOptions,
  handlersFor: (link: Link) => LinkHandlers,
): Promise<Link> {
  return new Promise((resolve, reject) => {
    const { signal, token, audience = '', maxFrameBytes, silentMs } = options
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    let lending: LendingSocket | undefined
    const createConnection = (where: unknown) => {
      lending = connectLending(where as NetConnectOpts)
      return lending.socket
    }
    const clientNonce = makeNonce()
    const socket = new WebSocket(url, {
      // With TLS, Node decrypts into new memory, whatever the socket receives into.
      ...(new URL(url).protocol === 'ws:' && { createConnection }),
      headers: clientHeaders(clientNonce),
      ca: options.ca,
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
    })
    const failed = (error: unknown) => {
      signal?.removeEventListener('abort', aborted)
      reject(orUntrusted(error, url))
      socket.terminate()
    }
    const aborted = () => failed(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    // The handler stays on, since terminate() before the end of the handshake emits an error too.
    socket.on('error', failed)
    socket.on('unexpected-response', (_request, response) => {
      response.resume()
      const { statusCode } = response
      const answered = `${url} answered ${statusCode}`
      if (statusCode === 503) failed(new Error(`${answered}: it has no room for another connection`))
      else failed(new DyadError(statusCode === 401 ? 'ERR_DYAD_DENIED' : 'ERR_DYAD_PROTOCOL', { detail: answered }))
    })
    let opened: (() => Link) | undefined
    // ws emits `upgrade` before `open`.
    socket.on('upgrade', ({ headers, socket: raw }) => {
      const serverNonce = nonceIn(headers)
      const handshake: Handshake | undefined = serverNonce && { token, audience, clientNonce, serverNonce }
      if (handshake === undefined || !proves(proofIn(headers) ?? NOTHING, 'server', handshake)) {
        const detail = `what answers at ${url} does not prove that it knows the token`
        failed(new DyadError('ERR_DYAD_DENIED', { detail }))
        return
      }
      opened = () => {
        const end = { client: true, maxFrameBytes, silentMs, isLent: lending !== undefined }
        return new Link(socket, raw, end, (link) => {
          // The proof is the first message, whatever `handlersFor` sends.
          link.post(proofOf('client', handshake))
          return handlersFor(link)
        })
      }
    })
    socket.on('open', () => {
      signal?.removeEventListener('abort', aborted)
      socket.off('error', failed)
      if (opened !== undefined) resolve(opened())
      lending?.lend()
    })
  })
}
