import { SingleBar } from 'cli-progress'
import { bytes } from './output.js'
import { duration } from './progress.js'

/** The weight of each file besides its bytes, so that empty files move the bar as well. */
const FILE_WEIGHT = 4_096

const FORMAT = '{verb} [{bar}] {percentage}% | {files}/{all} files | {done}/{size} | {rate}/s | {left} left'

/** The progress of one file of a batch. */
export interface FileProgress {
  /** Sets how many of its bytes have moved. */
  moved(count: number): void
  /** Counts the file as finished, however much has moved. */
  end(): void
}

/**
 * Shows one bar on stderr for all files of a batch, if stderr is a terminal. Disposing of it leaves
 * the cursor on a new line.
 */
export class BatchProgress implements Disposable {
  readonly #verb: string
  #bar: SingleBar | undefined
  #begun = 0
  #files = 0
  #all = 0
  #done = 0
  #size = 0
  #moved = 0

  /** @param verb one word for the work: 'put' */
  constructor(verb: string) {
    this.#verb = verb
  }

  /** Adds files and their bytes to the work. */
  expect(files: number, size: number): void {
    this.#all += files
    this.#size += size
  }

  /** Begins one of the expected files. */
  begin(size: number): FileProgress {
    this.#draw()
    let at = 0
    const set = (count: number) => {
      const now = Math.min(count, size)
      this.#done += now - at
      at = now
    }
    let most = 0
    return {
      moved: (count) => {
        this.#moved += Math.max(0, count - most)
        most = Math.max(most, count)
        set(count)
        this.#draw()
      },
      end: () => {
        set(size)
        this.#files++
        this.#draw()
      },
    }
  }

  /** Prints beside the bar: `work` writes whole lines. */
  aside(work: () => void): void {
    if (this.#bar !== undefined) process.stderr.write('\r\u001b[K')
    work()
    this.#bar?.render()
  }

  [Symbol.dispose](): void {
    this.#bar?.update(this.#weight, this.#payload())
    this.#bar?.stop()
    this.#bar = undefined
  }

  get #weight(): number {
    return this.#done + this.#files * FILE_WEIGHT
  }

  get #total(): number {
    return this.#size + this.#all * FILE_WEIGHT
  }

  #draw(): void {
    if (!process.stderr.isTTY) return
    if (this.#bar === undefined) {
      this.#begun = performance.now()
      this.#bar = new SingleBar({
        format: FORMAT,
        stream: process.stderr,
        barsize: 10,
        gracefulExit: false,
        forceRedraw: true,
      })
      this.#bar.start(this.#total, this.#weight, this.#payload())
    }
    this.#bar.setTotal(this.#total)
    this.#bar.update(this.#weight, this.#payload())
  }

  #payload(): object {
    const seconds = (performance.now() - this.#begun) / 1000
    const pace = seconds > 0 ? this.#weight / seconds : 0
    return {
      verb: this.#verb,
      files: this.#files,
      all: this.#all,
      done: bytes(this.#done),
      size: bytes(this.#size),
      rate: bytes(seconds > 0 ? Math.round(this.#moved / seconds) : 0),
      left: pace === 0 ? '?' : duration(Math.ceil((this.#total - this.#weight) / pace)),
    }
  }
}
