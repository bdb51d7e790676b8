import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** The part of tap's `t` that a test needs. */
export interface Teardown {
  teardown(work: () => unknown): void
}

/** An error from another process. */
export interface PeerError {
  readonly code?: string | undefined
  readonly message: string
}

interface Reply {
  readonly id: number
  readonly value?: unknown
  /** Text, or the parts of an error that pass between processes. */
  readonly error?: string | PeerError
}

/**
 * A program of `test/peers` in a process of its own. It runs named operations, any number at once,
 * and ends with the test.
 */
export class PeerProcess {
  readonly child: ChildProcess
  readonly #asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #exited: Promise<unknown>
  #nextId = 0

  /** @param through a command that starts the command in its arguments, as env(1) does */
  constructor(t: Teardown, program: string, through: readonly string[] = []) {
    const [execPath = process.execPath, ...words] = [...through, process.execPath]
    this.child = fork(new URL(`../peers/${program}.ts`, import.meta.url), [], {
      execPath,
      execArgv: [...words, ...process.execArgv],
      serialization: 'advanced',
    })
    this.#exited = once(this.child, 'exit').finally(() => {
      for (const { reject } of this.#asked.values()) reject(new Error('the peer process is gone'))
    })
    this.#exited.catch(() => {})
    this.child.on('message', ({ id, value, error }: Reply) => {
      const asked = this.#asked.get(id)
      this.#asked.delete(id)
      if (error === undefined) asked?.resolve(value)
      else if (typeof error === 'string') asked?.reject(new Error(error))
      else asked?.reject(Object.assign(new Error(error.message), error))
    })
    t.teardown(() => this.kill())
  }

  get pid(): number {
    return this.child.pid as number
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  ask<T>(op: string, request: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const id = this.#nextId++
    return new Promise<T>((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.child.send({ ...request, id, op }, (error) => error && reject(error))
    })
  }

  /** Kills the process with SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    if (this.isAlive) this.child.kill('SIGKILL')
    await this.#exited
  }

  /** Hangs up. Resolves once the process has ended by itself, which it does if nothing holds it. */
  async leave(): Promise<void> {
    if (this.child.connected) this.child.disconnect()
    await this.#exited
  }
}

/**
 * Answers the requests of a test by a table of operations. The channel keeps the process alive
 * until the test hangs up.
 */
export function answer(operations: Record<string, (request: never) => unknown>): void {
  process.on('message', async ({ id, op, ...request }: { id: number; op: string }) => {
    try {
      const operation = operations[op] as ((request: unknown) => unknown) | undefined
      if (operation === undefined) throw new Error(`there is no operation ${op}`)
      process.send?.({ id, value: await operation(request) } satisfies Reply)
    } catch (error) {
      const { code, message } = error as PeerError
      process.send?.({ id, error: { code, message } } satisfies Reply)
    }
  })
}
