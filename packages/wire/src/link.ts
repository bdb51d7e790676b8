import type { Socket } from 'node:net'
import { DyadError } from '@dyad-ts/core'
import { WebSocket } from 'ws'
import { encode } from './frame.js'
import { Inbox } from './inbox.js'
import { Outbox } from './outbox.js'

/** Handlers of the events of a link. */
export interface LinkHandlers {
  /**
   * Takes one binary message. The memory belongs to the handler. If the handler throws, the link
   * closes with that error.
   */
  message(bytes: Buffer): void
  /**
   * Takes the next piece of a long binary message, `left` bytes of which are still to come. With
   * this handler, a client gets messages of 16 KiB and more in pieces, as they arrive. The first
   * piece has at least 64 bytes. The memory is the handler's until it returns. If the handler
   * throws, the link closes, as with `message`.
   */
  piece?(bytes: Buffer, left: number): void
  /** Called once, last. There is a reason if the link broke, and none if either side closed it. */
  closed(reason: Error | undefined): void
}

/**
 * Shortest and longest time between two pings, in ms. A link ends after three unanswered pings.
 */
const SHORTEST_HEARTBEAT_MS = 1_000
const LONGEST_HEARTBEAT_MS = 10_000
const HEARTBEATS_MISSED = 3
/**
 * The link stops reading from a peer while this many bytes wait for that peer, which sends without
 * reading.
 */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024
/**
 * Messages up to this many bytes are copied and gathered. The operating system gets longer ones as
 * they are.
 */
const SMALL_BYTES = 4 * 1024
/** With fewer bytes unsent than this, a small message counts as sent once it is copied. */
const EASY_BYTES = 64 * 1024
const SENT = Promise.resolve()
/** Time that a peer has to answer a close, in ms. */
const CLOSE_MS = 1_000

/** The end of a connection that a link is, and what it accepts. */
export interface LinkEnd {
  client: boolean
  maxFrameBytes: number
  /** Whether the bytes of 'data' are only lent until its listeners return. */
  isLent: boolean
  /**
   * Milliseconds that the peer may be silent before the link ends, 3,000 to 30,000.
   * @default 30000
   */
  silentMs?: number | undefined
}

/** One connection that carries binary messages both ways. */
export class Link {
  readonly #socket: WebSocket
  readonly #raw: Socket
  readonly #outbox: Outbox
  readonly #handlers: LinkHandlers
  readonly #heartbeatMs: number
  readonly #heartbeat: NodeJS.Timeout
  #reason: Error | undefined
  /** Messages that arrived before the pause took effect. */
  readonly #held: Buffer[] = []
  #drained: (() => void)[] = []
  #missed = 0
  #closed = false
  /** Whether ws reads no more after an error, and discards what still comes. */
  #failed = false

  /** `raw` is the connection below `socket`. */
  constructor(socket: WebSocket, raw: Socket, end: LinkEnd, handlersFor: (link: Link) => LinkHandlers) {
    this.#socket = socket
    this.#raw = raw
    this.#outbox = new Outbox(raw, end.client)
    const { silentMs = HEARTBEATS_MISSED * LONGEST_HEARTBEAT_MS } = end
    const wanted = Math.max(SHORTEST_HEARTBEAT_MS, silentMs / HEARTBEATS_MISSED)
    this.#heartbeatMs = Math.min(LONGEST_HEARTBEAT_MS, wanted)
    this.#heartbeat = setInterval(() => this.#beat(), this.#heartbeatMs)
    this.#handlers = handlersFor(this)
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary))
    socket.on('pong', () => {
      this.#missed = 0
    })
    socket.on('ping', () => {
      this.#missed = 0
    })
    socket.on('error', (cause: Error & { code?: string }) => {
      this.#failed = true
      // ws gives codes to errors in a peer's frames. Other errors are the network's.
      this.#reason ??= cause.code?.startsWith('WS_ERR_') ? new DyadError('ERR_DYAD_PROTOCOL', { cause }) : cause
    })
    socket.on('close', (code) => this.#ended(code))
    this.#readBefore(end)
    raw.on('drain', () => {
      if (socket.isPaused) this.#readOn()
      this.#release()
    })
  }

  /** Bytes given to `send` and `post` that the operating system has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.bufferedAmount + this.#outbox.length
  }

  /**
   * Resolves once the operating system has taken everything, or the link is closed. To be awaited
   * only while much is unsent.
   */
  drained(): Promise<void> {
    if (this.#closed || !this.#raw.writableNeedDrain) return SENT
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  /**
   * Sends a copy of the first `length` bytes as one message, in one write with all else that this
   * turn of the event loop sends. Without `hurry`, it waits for the next message that has it.
   */
  post(bytes: Uint8Array, length = bytes.length, hurry = true): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    this.#outbox.add(bytes, length, hurry)
    if (this.unsentBytes > MAX_UNSENT_BYTES) this.#socket.pause()
  }

  /**
   * Sends one message: bytes as they are, anything else as a msgpack frame. Resolves once the bytes
   * are the caller's again and the operating system keeps up, or the link is closed. It never
   * rejects: `closed` gets the failure.
   */
  send(frame: unknown): Promise<void> {
    const bytes = frame instanceof Uint8Array ? frame : encode(frame)
    if (bytes.length <= SMALL_BYTES) {
      this.post(bytes)
      return this.unsentBytes < EASY_BYTES ? SENT : this.drained()
    }
    this.#outbox.flush()
    return new Promise((resolve) => {
      this.#socket.send(bytes, { binary: true }, () => {
        if (this.#socket.isPaused && this.#socket.bufferedAmount < MAX_UNSENT_BYTES / 2) this.#readOn()
        resolve()
      })
      if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) this.#socket.pause()
    })
  }

  /** Closes the link, with a reason if the peer broke the protocol. Closing twice is no error. */
  close(reason?: Error): void {
    if (this.#closed) return
    this.#reason ??= reason
    this.#outbox.flush()
    // A paused socket would not read the peer's answer to the close.
    this.#socket.resume()
    this.#socket.close(reason === undefined ? 1000 : 1002)
    setTimeout(() => this.#socket.terminate(), CLOSE_MS).unref()
  }

  /** Ends the connection without a close frame. */
  terminate(reason?: Error): void {
    this.#reason ??= reason
    this.#socket.terminate()
  }

  /** Sets whether the open link keeps the process alive. */
  hold(keepsProcessAlive: boolean): void {
    if (keepsProcessAlive) {
      this.#raw.ref()
      this.#heartbeat.ref()
    } else {
      this.#raw.unref()
      this.#heartbeat.unref()
    }
  }

  /** Puts an inbox between the connection and the reader of ws. */
  #readBefore({ client, maxFrameBytes, isLent }: LinkEnd): void {
    const owned = (bytes: Buffer) => (isLent ? Buffer.from(bytes) : bytes)
    const socket = this.#socket
    const raw = this.#raw
    const readers = raw.listeners('data')
    const inbox = new Inbox(!client, maxFrameBytes, {
      get isOpen() {
        return socket.readyState === WebSocket.OPEN
      },
      message: (bytes) => this.#receive(owned(bytes), true),
      piece: this.#handlers.piece && ((bytes, left) => this.#handlePiece(bytes, left)),
      rest: (bytes) => {
        if (this.#failed) return
        const copied = owned(bytes)
        for (const read of readers) read.call(raw, copied)
      },
    })
    raw.on('data', (chunk: Buffer) => inbox.read(chunk))
    for (const read of readers) raw.off('data', read as (chunk: Buffer) => void)
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#missed = 0
    if (!isBinary) this.close(new DyadError('ERR_DYAD_PROTOCOL', { detail: 'a text message' }))
    else if (this.#socket.isPaused) this.#held.push(data)
    else this.#handle(data)
  }

  #handle(data: Buffer): void {
    if (this.#closed || this.#reason !== undefined) return
    try {
      this.#handlers.message(data)
    } catch (error) {
      this.close(error as Error)
    }
  }

  /**
   * Hands on a piece, and first all messages that a pause held back. A pause does not hold pieces
   * back, since a client that takes pieces bounds what it asks for.
   */
  #handlePiece(bytes: Buffer, left: number): void {
    this.#missed = 0
    while (this.#held.length > 0) this.#handle(this.#held.shift() as Buffer)
    if (this.#closed || this.#reason !== undefined) return
    try {
      this.#handlers.piece?.(bytes, left)
    } catch (error) {
      this.close(error as Error)
    }
  }

  /** Reads on, and handles the messages held back until too many bytes wait to be sent again. */
  #readOn(): void {
    this.#socket.resume()
    while (this.#held.length > 0 && !this.#socket.isPaused) this.#handle(this.#held.shift() as Buffer)
  }

  #release(): void {
    const drained = this.#drained
    this.#drained = []
    for (const resolve of drained) resolve()
  }

  #beat(): void {
    if (this.#missed >= HEARTBEATS_MISSED) {
      const seconds = (HEARTBEATS_MISSED * this.#heartbeatMs) / 1_000
      this.terminate(new Error(`the peer has been silent for ${seconds} s`))
      return
    }
    this.#missed++
    this.#socket.ping(undefined, undefined, () => {})
  }

  #ended(code: number): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#heartbeat)
    this.#release()
    // 1000 and 1001 are a close on purpose. Any other code is a break.
    const broke = code !== 1000 && code !== 1001
    this.#handlers.closed(this.#reason ?? (broke ? new Error(`the connection broke (code ${code})`) : undefined))
  }
}
