import { broken } from '@dyad-ts/core/internal'
import { type Dialled, type DialOptions, dial, type SocketEvents } from './dial.js'
import { REPLY_HEAD_BYTES, readReply, replyLength } from './frames.js'
import { Introduction } from './introduction.js'

/** Receives the answer to a request. */
export interface Receiver {
  /** Number of bytes that the owner must announce. */
  readonly size: number
  /** The owner has opened the file. */
  opened(): void
  /**
   * Takes the next bytes, which are the receiver's until {@link Connection.release}. The last ones
   * come after the owner has verified the file.
   */
  chunk(bytes: Uint8Array): void
  /** The owner has sent everything, and the file is unchanged. */
  verified(): void
  /** The owner refuses or fails. */
  failed(code: string, detail: string): void
  /** The connection is gone. There is a reason if it broke, and none if the owner ended it. */
  lost(reason: Error | undefined): void
}

/** Options of {@link Connection}. */
export interface ConnectionOptions extends DialOptions {
  readonly token: string | undefined
  /** Milliseconds for which a connection without a request is kept. */
  readonly idleMs: number
}

const NOTHING = Buffer.alloc(0)

/**
 * The client's end of a connection. It makes one transfer after another, and receives all into one
 * buffer.
 */
export class Connection implements SocketEvents {
  /** Resolves once the socket is closed. */
  readonly whenClosed: Promise<void>
  readonly #dialled: Dialled
  readonly #idleMs: number
  readonly #onGone: () => void
  readonly #introduction: Introduction
  /** A request that waits for the greeting. */
  #request: Buffer | undefined
  #receiver: Receiver | undefined
  #expects: 'opened' | 'bytes' | 'verified' = 'opened'
  /** Number of bytes of the file that are still to come. */
  #left = 0
  /** The last bytes of the file, kept until the owner has verified it. */
  #last: Buffer | undefined
  /** Beginning of a reply whose end has not come yet. */
  #partial: Buffer = NOTHING
  #isLent = false
  #isIdle = false
  #isUsed = false
  #isGone = false
  #idle: NodeJS.Timeout | undefined
  #resolveClosed!: () => void

  /** Begins to connect. Calls `onGone` once, when the connection can be used no more. */
  constructor(url: URL, { token, idleMs, ...options }: ConnectionOptions, onGone: () => void) {
    this.whenClosed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#idleMs = idleMs
    this.#onGone = onGone
    this.#introduction = new Introduction(url, token)
    this.#dialled = dial(url, options, this)
  }

  /** Resolves once the owner has accepted the connection. Rejects with the network's own error. */
  get connected(): Promise<void> {
    return this.#dialled.connected
  }

  /** Whether it has made a transfer before, so that the owner may have hung up since. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  get isGone(): boolean {
    return this.#isGone
  }

  get isWilling(): boolean {
    return !this.#isLent
  }

  /** Asks for a transfer. The one before must have ended. */
  begin(request: Buffer, receiver: Receiver): void {
    const { socket } = this.#dialled
    if (this.#isIdle) socket.ref()
    this.#isIdle = false
    this.#receiver = receiver
    this.#expects = 'opened'
    if (this.#introduction.isProved) socket.write(request)
    else {
      this.#request = request
      this.#introduce()
    }
  }

  /** Takes back the chunk of the receiver, and reads on. */
  release(): void {
    if (!this.#isLent) return
    this.#isLent = false
    this.#dialled.readOn()
  }

  /**
   * Lets the connection wait for a transfer: it keeps no process alive, and closes after a while.
   */
  rest(): void {
    this.#isIdle = true
    this.#isUsed = true
    this.#dialled.socket.unref()
    if (this.#idle !== undefined) {
      this.#idle.refresh()
      return
    }
    const late = () => {
      if (this.#isIdle) this.destroy()
    }
    this.#idle = setTimeout(late, this.#idleMs).unref()
  }

  /** Ends the connection. Calls no receiver any more. */
  destroy(): void {
    this.#receiver = undefined
    this.#gone(undefined)
  }

  received(bytes: Buffer): void {
    try {
      this.#read(this.#partial.length === 0 ? bytes : Buffer.concat([this.#partial, bytes]))
    } catch (error) {
      this.#gone(error as Error)
    }
  }

  ended(): void {
    this.#gone(undefined)
  }

  closed(reason: Error | undefined): void {
    this.#gone(reason ?? new Error('the connection was closed'))
    this.#resolveClosed()
  }

  #read(bytes: Buffer): void {
    this.#partial = NOTHING
    let at = this.#introduction.greeted(bytes) ?? bytes.length
    if (at > 0) {
      if (this.#introduction.isGreeted) this.#introduce()
      else this.#partial = Buffer.from(bytes)
    }
    while (at < bytes.length && !this.#isGone) {
      if (this.#receiver === undefined) throw broken('bytes that nobody asked for')
      if (this.#expects === 'bytes') {
        const chunk = bytes.subarray(at, at + this.#left)
        at += chunk.length
        this.#left -= chunk.length
        if (this.#left > 0) {
          this.#lend(this.#receiver, chunk)
        } else {
          this.#last = chunk
          this.#expects = 'verified'
        }
        continue
      }
      const end = replyEnd(bytes, at)
      if (end === undefined) {
        this.#partial = Buffer.from(bytes.subarray(at))
        break
      }
      this.#reply(this.#receiver, bytes.subarray(at, end))
      at = end
    }
    // The rest of the reply overwrites the buffer.
    if (this.#last !== undefined) this.#last = Buffer.from(this.#last)
  }

  /** Sends the hello with the first request, once the owner has greeted. */
  #introduce(): void {
    if (this.#request === undefined) return
    const hello = this.#introduction.hello()
    if (hello === undefined) return
    this.#dialled.socket.write(Buffer.concat([hello, this.#request]))
    this.#request = undefined
  }

  #reply(receiver: Receiver, bytes: Buffer): void {
    const reply = readReply(bytes)
    if (this.#introduction.takes(reply)) return
    switch (reply.kind) {
      case 'error':
        this.#receiver = undefined
        this.#last = undefined
        receiver.failed(reply.code, reply.detail)
        break
      case 'opened':
        if (this.#expects !== 'opened') throw broken('opened twice')
        if (reply.length !== receiver.size) throw broken(`${reply.length} bytes where ${receiver.size} are wanted`)
        this.#left = reply.length
        this.#expects = reply.length === 0 ? 'verified' : 'bytes'
        receiver.opened()
        break
      case 'verified': {
        if (this.#expects !== 'verified') throw broken('verified before all was sent')
        const last = this.#last
        this.#receiver = undefined
        this.#last = undefined
        if (last !== undefined) this.#lend(receiver, last)
        receiver.verified()
      }
    }
  }

  #lend(receiver: Receiver, chunk: Buffer): void {
    this.#isLent = true
    receiver.chunk(chunk)
  }

  #gone(reason: Error | undefined): void {
    if (this.#isGone) return
    this.#isGone = true
    clearTimeout(this.#idle)
    this.#dialled.socket.destroy()
    const receiver = this.#receiver
    this.#receiver = undefined
    this.#last = undefined
    receiver?.lost(reason)
    this.#onGone()
  }
}

/**
 * Returns where the reply at `at` ends, or undefined if its end has not come yet.
 * ERR_DYAD_PROTOCOL.
 */
function replyEnd(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < REPLY_HEAD_BYTES) return undefined
  const end = at + REPLY_HEAD_BYTES + replyLength(bytes, at)
  return end <= bytes.length ? end : undefined
}
