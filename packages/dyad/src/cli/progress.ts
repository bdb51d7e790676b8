import { type Options, SingleBar } from 'cli-progress'
import { bytes, tell } from './output.js'

/**
 * Shows a bar on stderr while bytes move, if stderr is a terminal. Disposing of it leaves the
 * cursor on a new line.
 */
export class Progress implements Disposable {
  readonly #verb: string
  #bar: SingleBar | undefined
  #begun = 0
  #first = 0

  /** @param verb what is done, in one word: 'get' */
  constructor(verb: string) {
    this.#verb = verb
  }

  /** Prints the file that the command waits for, to a log as well: no wait is silent. */
  waiting(path: string): void {
    tell(`waiting for ${path} …`)
  }

  /**
   * Shows how many bytes have moved.
   * @param size undefined while it is not known
   */
  update(done: number, size: number | undefined): void {
    if (!process.stderr.isTTY) return
    if (this.#bar === undefined) {
      this.#begun = performance.now()
      this.#first = done
      this.#bar = new SingleBar(barOptions(size !== undefined))
      this.#bar.start(size ?? 0, done, this.#payload(done, size))
    }
    this.#bar.update(done, this.#payload(done, size))
  }

  [Symbol.dispose](): void {
    this.#bar?.stop()
    this.#bar = undefined
  }

  #payload(done: number, size: number | undefined): object {
    const seconds = (performance.now() - this.#begun) / 1000
    const rate = seconds > 0 ? (done - this.#first) / seconds : 0
    return {
      verb: this.#verb,
      done: bytes(done),
      size: bytes(size ?? 0),
      rate: bytes(Math.round(rate)),
      left: size === undefined || rate === 0 ? '?' : duration(Math.ceil((size - done) / rate)),
    }
  }
}

function barOptions(hasSize: boolean): Options {
  const format = hasSize
    ? '{verb} [{bar}] {percentage}% | {done} of {size} | {rate}/s | {left} left'
    : '{verb} {done} | {rate}/s'
  return { format, stream: process.stderr, barsize: 30, emptyOnZero: false, gracefulExit: false, forceRedraw: false }
}

/** Returns a time in seconds as m:ss or h:mm:ss. */
export function duration(seconds: number): string {
  const pad = (part: number) => String(part).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes}:${pad(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`
}
