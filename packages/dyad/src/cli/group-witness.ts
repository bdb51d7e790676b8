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
 * addresses it by itself, so what it has got the whole group has got. What it has got stays pending,
 * so the next signal of the same name needs another witness. The former one judges other names until
 * that one blocks signals, too. All end with this process.
 */
export class GroupWitness implements AsyncDisposable {
  #witnesses = [new Witness()]
  /** Signals that came to former witnesses, and of which this process has yet to hear, by bits. */
  #seen = 0n

  /** Resolves once signals can be judged; where env(1) cannot block signals, too. */
  async ready(): Promise<void> {
    await this.#witnesses[0]?.ready
  }

  /** Whether the whole group got the signal that this process has just got. */
  saw(name: NodeJS.Signals): boolean {
    const bit = 1n << BigInt((constants.signals[name] ?? 1) - 1)
    const judge = this.#witnesses.find((witness) => witness.canJudge(bit))
    const isPending = judge === undefined ? OF_TERMINALS.has(name) : (judge.pending & bit) !== 0n
    if (!isPending && (this.#seen & bit) === 0n) return false
    this.#seen &= ~bit
    for (const witness of this.#witnesses) witness.judged |= bit & witness.pending
    this.#renew()
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#witnesses.map((witness) => witness.end()))
  }

  /** Sees to it that the newest witness has judged nothing, and ends those that it replaces. */
  #renew(): void {
    const newest = this.#witnesses.at(-1)
    if (newest?.isAlive && newest.judged === 0n) return
    const witness = new Witness()
    this.#witnesses.push(witness)
    void witness.ready.then(() => {
      // A signal that came before it blocked signals has ended it: the former ones go on.
      if (!witness.isAlive) return
      const former = this.#witnesses.splice(0, this.#witnesses.indexOf(witness))
      for (const each of former) {
        if (each.isAlive) this.#seen |= each.pending & ~each.judged
        void each.end()
      }
    })
  }
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
