import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** Signals that come almost always from a terminal, which sends them to the whole group. */
const OF_TERMINALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH'])

/**
 * Finds out whether a signal of this process went to its whole process group, as the signals of a
 * terminal and of a shell's `kill %1` do. The other processes of the group then have it, and it
 * must not be forwarded to them. The witness is a small process of the group that blocks all
 * signals. No other process addresses it alone, so a signal that it received went to the whole
 * group. A received signal stays pending, so the next signal of the same name needs a new witness.
 * The former witness judges other names until the new one blocks signals, too. Signals that no
 * witness can judge wait for it. All witnesses end with this process.
 */
export class GroupWitness implements AsyncDisposable {
  #witnesses: Witness[] = []
  /**
   * Signals of the whole group that no living witness shows, and that this process has not received
   * yet.
   */
  #seen = 0n
  /** Signals that this process received and that no witness can judge yet. */
  #undecided = 0n
  #isEnding = false
  /** Resolves once the newest witness blocks signals, or if no witness is possible. */
  #renewed = this.#begin()

  /** Resolves once signals can be judged, and also if env(1) cannot block signals. */
  ready(): Promise<void> {
    return this.#renewed
  }

  /**
   * Resolves with true if the whole group received the signal that this process has just received.
   */
  async saw(name: NodeJS.Signals): Promise<boolean> {
    const bit = bitOf(name)
    if (this.#judgeOf(bit) === undefined) {
      this.#undecided |= bit
      await this.#renewed
      this.#undecided &= ~bit
    }
    const judge = this.#judgeOf(bit)
    const isPending = judge === undefined ? OF_TERMINALS.has(name) : (judge.pending & bit) !== 0n
    if (!isPending && (this.#seen & bit) === 0n) return false
    this.#seen &= ~bit
    for (const witness of this.#witnesses) witness.judged |= bit & witness.pending
    const newest = this.#witnesses.at(-1)
    if (newest === undefined || newest.judged !== 0n) this.#renewed = this.#begin()
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#witnesses.map((witness) => witness.end()))
  }

  #judgeOf(bit: bigint): Witness | undefined {
    return this.#witnesses.find((witness) => witness.canJudge(bit))
  }

  /** Starts a new witness, which replaces the others once it blocks signals. */
  async #begin(): Promise<void> {
    const witness = new Witness()
    this.#witnesses.push(witness)
    await witness.ready
    if (this.#isEnding) return
    if (witness.isAlive) {
      const former = this.#witnesses.splice(0, this.#witnesses.indexOf(witness))
      for (const each of former) {
        if (each.isAlive) this.#seen |= each.pending & ~each.judged
        void each.end()
      }
      return
    }
    this.#witnesses.splice(this.#witnesses.indexOf(witness), 1)
    const { killedBy } = witness
    if (killedBy === null) return
    // A signal that came before it blocked signals has ended it. No other process addresses it
    // alone.
    this.#seen |= this.#undecided & bitOf(killedBy)
    await this.#begin()
  }
}

function bitOf(name: NodeJS.Signals): bigint {
  return 1n << BigInt((constants.signals[name] ?? 1) - 1)
}

/** A process of the group that blocks all signals. */
class Witness {
  /** Resolves once it blocks signals, or has ended. */
  readonly ready: Promise<void>
  /** The pending signals that were judged by it, or beside it, by bits. */
  judged = 0n
  readonly #process: ChildProcess
  #blocks = false

  constructor() {
    this.#process = spawn('env', ['--block-signal', 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
    const { stdin, stdout } = this.#process
    // If env(1) has no --block-signal, no witness runs.
    stdin?.on('error', () => {}).write('ready')
    this.ready = new Promise((resolve) => {
      this.#process.on('error', () => resolve()).on('exit', () => resolve())
      stdout?.once('data', () => {
        // The answer comes from `cat`, which starts with all signals blocked.
        this.#blocks = true
        resolve()
      })
    })
  }

  get isAlive(): boolean {
    const { pid, exitCode, signalCode } = this.#process
    return pid !== undefined && exitCode === null && signalCode === null
  }

  /** The signal that ended it; null while it runs, and if it ended by itself. */
  get killedBy(): NodeJS.Signals | null {
    return this.#process.signalCode
  }

  canJudge(bit: bigint): boolean {
    return this.#blocks && this.isAlive && (this.judged & bit) === 0n
  }

  /** The signals that it has received, by bits. */
  get pending(): bigint {
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'latin1')
      return BigInt(`0x${/^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
    } catch {
      return 0n
    }
  }

  /** Ends it. The system keeps a process until its parent has waited for it. */
  async end(): Promise<void> {
    if (!this.isAlive) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }
}
