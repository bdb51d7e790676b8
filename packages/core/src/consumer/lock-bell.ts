import { connect, createServer, type Server, type Socket } from 'node:net'
import { listenTo } from '../deadline.js'
import { isShortage } from '../files/descriptors.js'

/** Longest request, in bytes: the name of a lock. */
const MAX_REQUEST_BYTES = 80

const RELEASED = 'r'
const PROGRESS = '.'
const ASK = '?'

/** A waiter for a lock that is held here. */
interface Waiter {
  readonly socket: Socket
  /** Whether it wants to hear of the next progress. */
  asks: boolean
  /** The progress that it has heard of. */
  heard: number
}

/** The waiters for one lock, which hear of its progress and its release. */
export class Ringing {
  readonly #waiters = new Set<Waiter>()
  readonly #ended: () => void
  #progress = 0

  constructor(ended: () => void) {
    this.#ended = ended
  }

  /** The work under the lock has moved on, to this many bytes. */
  progress(bytes: number): void {
    if (bytes === this.#progress) return
    this.#progress = bytes
    for (const waiter of this.#waiters) if (waiter.asks) this.#tell(waiter)
  }

  /** The lock is not held any more. */
  release(): void {
    this.#ended()
    for (const { socket } of this.#waiters) socket.end(RELEASED)
    this.#waiters.clear()
  }

  /** Adds a waiter; each of its messages asks for the next progress. */
  join(socket: Socket): void {
    const waiter = { socket, asks: true, heard: this.#progress }
    this.#waiters.add(waiter)
    socket.on('close', () => this.#waiters.delete(waiter))
    socket.on('data', () => {
      waiter.asks = true
      if (waiter.heard !== this.#progress) this.#tell(waiter)
    })
  }

  #tell(waiter: Waiter): void {
    waiter.asks = false
    waiter.heard = this.#progress
    waiter.socket.write(PROGRESS)
  }
}

/**
 * Notifies waiters, over a Unix socket, of the progress and the release of locks that this process
 * holds. The kernel ends the connection with the process, however that dies. The maker of a bell
 * closes it.
 */
export class LockBell implements Disposable {
  readonly #held = new Map<string, Ringing>()
  readonly #server: Server
  readonly #path: string
  /** Whether no descriptor was free to listen. */
  #isShort = false

  /**
   * Listens at `path`, which must be free. If that fails, waiters find nobody there and look for
   * themselves. Where no descriptor is free, the next lock that is held listens.
   */
  constructor(path: string) {
    this.#path = path
    this.#server = createServer((socket) => this.#serve(socket))
    this.#server.on('error', (error) => {
      this.#isShort = isShortage(error)
    })
    this.#listen()
    this.#server.unref()
  }

  /** Takes note that the lock of a name is held here from now on. */
  held(name: string): Ringing {
    if (this.#isShort) this.#listen()
    const ringing = new Ringing(() => {
      if (this.#held.get(name) === ringing) this.#held.delete(name)
    })
    this.#held.set(name, ringing)
    return ringing
  }

  [Symbol.dispose](): void {
    for (const ringing of [...this.#held.values()]) ringing.release()
    this.#server.close()
  }

  #listen(): void {
    this.#isShort = false
    // The workers of node:cluster would share the socket otherwise.
    this.#server.listen({ path: this.#path, exclusive: true })
  }

  #serve(socket: Socket): void {
    let name = ''
    socket.unref()
    socket.on('error', () => socket.destroy())
    const hear = (text: string) => {
      name += text
      if (name.length > MAX_REQUEST_BYTES) socket.destroy()
      if (!name.endsWith('\n')) return
      socket.off('data', hear)
      const ringing = this.#held.get(name.trim())
      if (ringing === undefined) socket.end()
      else ringing.join(socket)
    }
    socket.setEncoding('latin1').on('data', hear)
  }
}

/**
 * How a wait ends: the holder released the lock, or is gone or does not hold it, or made no
 * progress for too long.
 */
export type Rung = 'released' | 'gone' | 'stalled'

/** How long to wait for a sign of life. */
export interface BellWait {
  /** Milliseconds between one sign and the next. */
  readonly patience: number
  /** Milliseconds until the first. */
  readonly left: number
  /** Called at each sign of life: progress, or the release. */
  readonly heard: () => void
}

/**
 * Waits until the holder of a lock, whose bell is at `path`, releases the lock or ends, or has
 * given no sign for too long. Rejects with the signal's reason, and with EMFILE where no descriptor
 * is free.
 */
export function untilRung(
  path: string,
  name: string,
  { patience, left, heard }: BellWait,
  signal: AbortSignal,
): Promise<Rung> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    let rung: Rung = 'gone'
    let signs = 0
    let shortage: Error | undefined
    let asking: NodeJS.Timeout | undefined
    let waiting: NodeJS.Timeout | undefined
    const wait = (ms: number) => {
      clearTimeout(waiting)
      const before = signs
      // A sign that came while this process was held up is read before it counts as missing.
      waiting = setTimeout(() => setImmediate(() => signs === before && stalled()), ms)
    }
    const stalled = () => {
      rung = 'stalled'
      socket.destroy()
    }
    wait(left)
    const stop = listenTo(signal, () => socket.destroy())
    socket.on('error', (error) => {
      if (isShortage(error)) shortage = error
    })
    socket.setEncoding('latin1').on('data', (text: string) => {
      signs++
      heard()
      if (text.includes(RELEASED)) rung = 'released'
      wait(patience)
      clearTimeout(asking)
      asking = setTimeout(() => socket.write(ASK), patience / 4)
    })
    socket.on('close', () => {
      clearTimeout(waiting)
      clearTimeout(asking)
      stop()
      if (signal.aborted) reject(signal.reason)
      else if (shortage !== undefined) reject(shortage)
      else resolve(rung)
    })
    socket.write(`${name}\n`)
  })
}
