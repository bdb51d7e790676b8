import { broken } from '@dyad-ts/core/internal'
import { type Dialled, type DialOptions, dial, type SocketEvents } from './dial.js'
import { REPLY_HEAD_BYTES, readReply, replyLength } from './frames.js'
import { Introduction } from './introduction.js'

/** Who is told what comes in answer to a request. */
export interface Receiver {
  /** Bytes that the owner should announce. */
  readonly size: number
  /** The owner has opened the file. */
  opened(): void
  /**
   * The next bytes; they stay what they are until {@link Connection.release}. The last ones come
   * after the owner verified the file.
   */
  chunk(bytes: Uint8Array): void
  /** That was all. */
  verified(): void
  /** The owner cannot. */
  failed(code: string, detail: string): void
  /** The connection is gone: with the reason if it broke, without one if the owner ended it. */
  lost(reason: Error | undefined): void
}

/** Options of {@link Connection}. */
export interface ConnectionOptions extends DialOptions {
  readonly token: string | undefined
  /** How long it is kept without a request, in ms. */
  readonly idleMs: number
}

const NOTHING = Buffer.alloc(0)

/**
 * The client's end of a connection: one transfer after another, received into one and the same
 * memory.
 */
export class Connection implements SocketEvents {
  /** Resolves when nothing is open any more. */
  readonly whenClosed: Promise<void>
  readonly #dialled: Dialled
  readonly #idleMs: number
  readonly #onGone: () => void
  readonly #introduction: Introduction
  /** A request that waits for the greeting. */
  #request: Buffer | undefined
  #receiver: Receiver | undefined
  #expects: 'opened' | 'bytes' | 'verified' = 'opened'
  /** Bytes of the file that are still to come. */
  #left = 0
  /** The last bytes of the file, until the owner has verified it. */
  #last: Buffer | undefined
  /** The beginning of a reply whose end has not come yet. */
  #partial: Buffer = NOTHING
  #isLent = false
  #isIdle = false
  #isUsed = false
  #isGone = false
  #idle: NodeJS.Timeout | undefined
  #resolveClosed!: () => void

  /** Begins to connect. `onGone` is called once, when the connection is of no more use. */
  constructor(url: URL, { token, idleMs, ...options }: ConnectionOptions, onGone: () => void) {
    this.whenClosed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#idleMs = idleMs
    this.#onGone = onGone
    this.#introduction = new Introduction(url, token)
    this.#dialled = dial(url, options, this)
  }

  /** Resolves when the owner has accepted it. Rejects with the network's own error. */
  get connected(): Promise<void> {
    return this.#dialled.connected
  }

  /** Whether it has served a transfer already, so that the owner may have hung up meanwhile. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  get isGone(): boolean {
    return this.#isGone
  }

  get isWilling(): boolean {
    return !this.#isLent
  }

  /** Asks for a transfer; the one before must have ended. */
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

  /** The receiver is done with the chunk that it was given. */
  release(): void {
    if (!this.#isLent) return
    this.#isLent = false
    this.#dialled.readOn()
  }

  /** Without a transfer it keeps no process alive, and closes after a while. */
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

  /** Drops the connection; a receiver hears no more. */
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
    // The rest of the reply will be received into the same memory.
    if (this.#last !== undefined) this.#last = Buffer.from(this.#last)
  }

  /** The first request goes with the hello, for which the owner must have greeted. */
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
 * Where the reply that begins at `at` ends, or undefined if its end has not come yet.
 * ERR_DYAD_PROTOCOL.
 */
function replyEnd(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < REPLY_HEAD_BYTES) return undefined
  const end = at + REPLY_HEAD_BYTES + replyLength(bytes, at)
  return end <= bytes.length ? end : undefined
}
