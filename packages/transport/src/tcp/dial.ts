import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** How to reach a server. */
export interface DialOptions {
  readonly ca: string | Buffer | undefined
  /** Memory to receive into, in bytes. */
  readonly bufferBytes: number
  /** How long the server may take to answer, in ms. @default 5000 */
  readonly answerMs?: number | undefined
}

/** Who is told what happens on a socket. */
export interface SocketEvents {
  /** Whether `received` may be called: not while somebody reads what it was called with before. */
  readonly isWilling: boolean
  received(bytes: Buffer): void
  /** The peer sends no more. */
  ended(): void
  /** The socket is closed. Called once, last. */
  closed(reason: Error | undefined): void
}

/** A socket on its way to a server, or there. */
export interface Dialled {
  readonly socket: Socket
  /** Resolves when the server has answered. Rejects with the network's own error. */
  readonly connected: Promise<void>
  /** Receives again, now that `isWilling` is true again. */
  readOn(): void
}

/** Enough for a packet to be lost twice. */
const ANSWER_MS = 5_000
/** How long a peer may be silent before the system asks whether it is there, in ms. */
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
  // Nobody need wait for it.
  connected.catch(() => {})
  return { socket, connected, readOn }
}

type Reading = Pick<Dialled, 'socket' | 'readOn'>

/**
 * One buffer, registered once: Node receives into it again and again, until it is told to pause.
 */
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
    // Node runs what follows from this, promises and ticks, before it receives again: a reader that
    // is done by then costs no pause.
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
 * Node decrypts all that has come before it heeds a pause, so that one buffer would be overwritten
 * while it is read: here each read has its own.
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
