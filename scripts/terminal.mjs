import { spawn } from 'node:child_process'

/** A shell that runs what is typed into it, and ends at the first command that fails. */
export class Terminal {
  #shell
  #ended
  #done = []
  #last = Promise.resolve()
  #failure

  /**
   * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
   * @param {(text: string) => void} say is given what the commands print
   */
  constructor(options, say) {
    const stdio = ['pipe', 'pipe', 'pipe', 'pipe']
    this.#shell = spawn('bash', ['-e', '-o', 'pipefail'], { ...options, stdio, detached: true })
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) stream.setEncoding('utf8').on('data', say)
    this.#shell.stdin.on('error', () => {})
    // The shell writes a byte there for each part that ended well.
    this.#shell.stdio[3].on('data', (bytes) => {
      // After this turn, by when everything that was printed before has been read as well.
      setImmediate(() => {
        for (const _ of bytes) this.#done.shift()?.resolve()
      })
    })
    this.#ended = new Promise((resolve) => {
      this.#shell.once('error', (error) => resolve(error.message))
      this.#shell.once('close', (code, signal) => resolve(`ended with ${signal ?? code}`))
    })
    this.#ended.then((how) => {
      this.#failure = how
      for (const { text, reject } of this.#done.splice(0)) reject(new Error(`${text}: ${how}`))
    })
  }

  /** Types a command, which begins once the one before has ended. */
  type(text) {
    this.#last = new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(new Error(`${text}: the terminal ${this.#failure}`))
      else this.#done.push({ text, resolve, reject })
    })
    // `idle` rejects with it. Until somebody waits there, it is not unhandled.
    this.#last.catch(() => {})
    this.#shell.stdin.write(`{\n${text}\n} </dev/null\nprintf . >&3\n`)
  }

  /** Resolves when everything that was typed has ended well; rejects if a command failed. */
  idle() {
    return this.#last
  }

  /** Ends the shell and its commands. */
  async close() {
    this.#shell.stdin.end()
    try {
      process.kill(-this.#shell.pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
    await this.#ended
  }
}
