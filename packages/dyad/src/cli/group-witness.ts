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
 * addresses it by itself, so what it has got the whole group has got. It ends with this process.
 */
export class GroupWitness implements AsyncDisposable {
  #process = begin()
  /** Signals of the group that came to a former witness, and of which this process has yet to hear. */
  #seen = 0n
  readonly #ended: Promise<unknown>[] = []

  /** Whether the whole group got the signal that this process has just got. */
  saw(name: NodeJS.Signals): boolean {
    const bit = 1n << BigInt((constants.signals[name] ?? 1) - 1)
    const pending = pendingIn(this.#process)
    if (((this.#seen | (pending ?? 0n)) & bit) === 0n) return pending === undefined && OF_TERMINALS.has(name)
    // What is pending stays so: the next signal of this name needs another witness.
    if (pending !== undefined && (pending & bit) !== 0n) this.#replace(pending)
    this.#seen &= ~bit
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end()
    await Promise.all(this.#ended)
  }

  #replace(pending: bigint): void {
    this.#seen |= pending
    this.#end()
    this.#process = begin()
  }

  /** The system keeps a process that nobody has waited for. */
  #end(): void {
    const { pid, exitCode, signalCode } = this.#process
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    this.#ended.push(once(this.#process, 'exit'))
    this.#process.kill('SIGKILL')
  }
}

function begin(): ChildProcess {
  const witness = spawn('env', ['--block-signal', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] })
  // Where env(1) knows no --block-signal there is no witness.
  witness.on('error', () => {})
  witness.stdin?.on('error', () => {})
  return witness
}

/** The signals that have come to a process that blocks them, by bits; undefined where it is not there. */
function pendingIn({ pid, exitCode, signalCode }: ChildProcess): bigint | undefined {
  // It came before it was blocked.
  if (signalCode !== null) return 1n << BigInt((constants.signals[signalCode] ?? 1) - 1)
  if (pid === undefined || exitCode !== null) return undefined
  try {
    const [, state, mask] =
      /^State:\s*(\w).*^ShdPnd:\s*([0-9a-f]+)$/ms.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    // A signal has just ended it.
    if (state === 'Z' || state === 'X') return ~0n
    return mask === undefined ? undefined : BigInt(`0x${mask}`)
  } catch {
    return undefined
  }
}
