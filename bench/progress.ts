import type { WriteStream } from 'node:tty'

const WIDTH = 20

/** Tells on stderr what is under way: a bar on a terminal, else a line for each comparison. */
export class Progress implements Disposable {
  readonly #out: WriteStream
  readonly #parts: number
  #part = 0
  #name = ''

  /** @param parts how many there will be */
  constructor(out: WriteStream, parts: number) {
    this.#out = out
    this.#parts = parts
  }

  /** The next part begins. */
  begin(name: string): void {
    this.#part++
    this.#name = name
  }

  /** A round begins; round 0 stands for what comes before the first that counts. */
  readonly round = (title: string, round: number, rounds: number): void => {
    const where = `[${this.#part}/${this.#parts}] ${this.#name}: ${title}`
    if (this.#out.isTTY) {
      const full = Math.round((round / rounds) * WIDTH)
      const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`
      const text = `${bar} ${round === 0 ? 'preparing' : `round ${round} of ${rounds}`}  ${where}`
      this.#clear()
      this.#out.write(text.slice(0, (this.#out.columns || 80) - 1))
    } else if (round === 0 || round === rounds) {
      this.#out.write(`bench: ${where}: ${round === 0 ? 'preparing' : `round ${round} of ${rounds}`}\n`)
    }
  };

  /** Removes the bar. */
  [Symbol.dispose](): void {
    if (this.#out.isTTY) this.#clear()
  }

  #clear(): void {
    this.#out.cursorTo(0)
    this.#out.clearLine(1)
  }
}
