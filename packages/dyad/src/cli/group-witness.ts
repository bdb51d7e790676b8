import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** Signals that hardly anybody but a terminal sends: it sends them to the whole group. */
const OF_TERMINALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH'])

/**
 * Tells whether a signal that this process got went to its whole process group, as those of a
 * terminal and of a shell's `kill %1` do: the group's other processes have it then, and it must not
 * be forwarded to them. A small process of the group that blocks all signals bears witness: nobody
 * addresses it by itself, so what it has got the whole group has got. What it has got stays
 * pending, so the next signal of the same name needs another witness. The former one judges other
 * names until that one blocks signals, too; what none can judge waits for it. All end with this
 * process.
 */
export class GroupWitness implements AsyncDisposable {
  #witnesses: Witness[] = []
  /**
   * Signals of the whole group that no living witness shows, and of which this process has yet to
   * hear.
   */
  #seen = 0n
  /** Signals that this process got and no witness can judge yet. */
  #undecided = 0n
  #isEnding = false
  /** Resolves once the newest witness blocks signals, or there can be none. */
  #renewed = this.#begin()

  /** Resolves once signals can be judged; where env(1) cannot block signals, too. */
  ready(): Promise<void> {
    return this.#renewed
  }

  /** Resolves with whether the whole group got the signal that this process has just got. */
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

  /** Starts a witness that has judged nothing. It replaces the others once it blocks signals. */
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
    // A signal that came before it blocked signals has ended it. Nobody addresses it by itself.
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
    // Where env(1) knows no --block-signal there is no witness.
    stdin?.on('error', () => {}).write('ready')
    this.ready = new Promise((resolve) => {
      this.#process.on('error', () => resolve()).on('exit', () => resolve())
      stdout?.once('data', () => {
        // What answers is `cat`, which began with all signals blocked.
        this.#blocks = true
        resolve()
      })
    })
  }

  get isAlive(): boolean {
    const { pid, exitCode, signalCode } = this.#process
    return pid !== undefined && exitCode === null && signalCode === null
  }

  /** The signal that ended it; null while it runs, and where it ended by itself. */
  get killedBy(): NodeJS.Signals | null {
    return this.#process.signalCode
  }

  canJudge(bit: bigint): boolean {
    return this.#blocks && this.isAlive && (this.judged & bit) === 0n
  }

  /** The signals that have come to it, by bits. */
  get pending(): bigint {
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'latin1')
      return BigInt(`0x${/^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
    } catch {
      return 0n
    }
  }

  /** Ends it. The system keeps a process that nobody has waited for. */
  async end(): Promise<void> {
    if (!this.isAlive) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }
}
