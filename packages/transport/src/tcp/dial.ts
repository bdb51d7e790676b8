import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Options of {@link dial}. */
export interface DialOptions {
  readonly ca: string | Buffer | undefined
  /** Size of the buffer to receive into, in bytes. */
  readonly bufferBytes: number
  /** Milliseconds that the server has to answer. @default 5000 */
  readonly answerMs?: number | undefined
}

/** Handlers of the events of a socket. */
export interface SocketEvents {
  /** Whether `received` may be called. It may not while a reader has the bytes of the last call. */
  readonly isWilling: boolean
  received(bytes: Buffer): void
  /** The peer sends no more. */
  ended(): void
  /** The socket is closed. Called once, last. */
  closed(reason: Error | undefined): void
}

/** A socket that connects, or is connected, to a server. */
export interface Dialled {
  readonly socket: Socket
  /** Resolves once the server has answered. Rejects with the network's own error. */
  readonly connected: Promise<void>
  /** Receives again. Called once `isWilling` is true again. */
  readOn(): void
}

/** Enough for a packet to be lost twice. */
const ANSWER_MS = 5_000
/** Time of silence after which the system asks the peer for a sign of life, in ms. */
const KEEPALIVE_MS = 30_000

/** Begins to connect: plain for `tcp:`, TLS for `tls:`. */
export function dial(url: URL, options: DialOptions, events: SocketEvents): Dialled {
  // Brackets belong to the URL, not to the address.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port)
  const isTls = url.protocol === 'tls:'
  const { socket, readOn } = isTls
    ? dialTls(host, port, options.ca, events)
    : dialPlain(host, port, options.bufferBytes, events)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEPALIVE_MS)
  let reason: Error | undefined
  socket.on('error', (error) => {
    reason = error
  })
  socket.on('end', () => events.ended())
  const connected = new Promise<void>((resolve, reject) => {
    const { answerMs = ANSWER_MS } = options
    const late = () => socket.destroy(Object.assign(new Error(`no answer in ${answerMs} ms`), { code: 'ETIMEDOUT' }))
    const timer = setTimeout(late, answerMs).unref()
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.on('close', () => {
      clearTimeout(timer)
      reject(reason ?? new Error('the connection was closed'))
      events.closed(reason)
    })
  })
  // The caller need not wait for it.
  connected.catch(() => {})
  return { socket, connected, readOn }
}

type Reading = Pick<Dialled, 'socket' | 'readOn'>

/** Connects a plain socket. Node receives into one buffer again and again, until a pause. */
function dialPlain(host: string, port: number, bufferBytes: number, events: SocketEvents): Reading {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes)
  let isPaused = false
  let isChecking = false
  const check = () => {
    isChecking = false
    if (isPaused || events.isWilling) return
    isPaused = true
    socket.pause()
  }
  const afterReader = () => process.nextTick(check)
  const callback = (length: number) => {
    events.received(buffer.subarray(0, length))
    // Node runs promises and ticks before it receives again. If the reader is done by then, the
    // socket need not pause.
    if (!events.isWilling && !isChecking) {
      isChecking = true
      queueMicrotask(afterReader)
    }
    return true
  }
  const socket = connect({ host, port, onread: { buffer, callback } })
  const readOn = () => {
    if (!isPaused) return
    isPaused = false
    socket.resume()
  }
  return { socket, readOn }
}

/**
 * Connects with TLS. Each read has memory of its own: Node decrypts all that has come before it
 * pauses, and would overwrite a single buffer while a reader has it.
 */
function dialTls(host: string, port: number, ca: string | Buffer | undefined, events: SocketEvents): Reading {
  const servername = isIP(host) === 0 ? host : ''
  const socket = connectTls({ host, port, servername, ca, minVersion: 'TLSv1.2' })
  const readOn = () => {
    while (events.isWilling) {
      const bytes: Buffer | null = socket.read()
      if (bytes === null) return
      events.received(bytes)
    }
  }
  socket.on('readable', readOn)
  return { socket, readOn }
}
