import { createInterface, type Interface } from 'node:readline'
import { probe } from './probe.js'
import type { Ended, Running } from './running.js'

/** Errno's numbers on Linux that the tests meet. */
export const ERRNO = {
  ENOENT: 2,
  EINTR: 4,
  ENXIO: 6,
  EIO: 5,
  ENOTDIR: 20,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  ETIMEDOUT: 110,
  ENOTCONN: 107,
}

/** A C program that does one call after the other as the test tells it. */
export class Steps {
  readonly running: Running
  readonly #lines: Interface
  readonly #next: AsyncIterator<string>

  /** @param start starts the program with its environment */
  constructor(start: (command: string, args: string[]) => Running) {
    this.running = start(probe('case-steps'), [])
    const { stdout } = this.running.child
    if (stdout === null) throw new Error('the program has no output')
    this.#lines = createInterface({ input: stdout })
    this.#next = this.#lines[Symbol.asyncIterator]()
  }

  /**
   * Has the program do a call; resolves with errno, 0 where all went well, and what the call gave.
   */
  async do(...step: string[]): Promise<{ errno: number; text: string }> {
    this.tell(...step)
    const { value, done } = await this.#next.next()
    if (done) throw new Error(`the program ended: ${JSON.stringify(await this.running.ended)}`)
    const [, errno, text] = /^(\d+) (.*)$/.exec(value) ?? []
    return { errno: Number(errno), text: text ?? '' }
  }

  /** Resolves with errno alone. */
  async errno(...step: string[]): Promise<number> {
    return (await this.do(...step)).errno
  }

  /** Has the program do a call, and does not wait for it. */
  tell(...step: string[]): void {
    this.running.child.stdin?.write(`${step.join(' ')}\n`)
  }

  /** Ends the program by the end of its input. */
  end(): Promise<Ended> {
    this.running.child.stdin?.end()
    return this.running.ended
  }
}
