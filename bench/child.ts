import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** An error as it came out of another process. */
export interface RemoteError extends Error {
  code?: string
}

type Message =
  | { readonly note: string; readonly value: unknown }
  | { readonly id: number; readonly value?: unknown; readonly error?: { message: string; code?: string } }

interface Call {
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * A program of the folder `processes` in a process of its own, asked over IPC for one named thing
 * after the other. Whoever started it disposes of it.
 */
export class Child implements AsyncDisposable {
  readonly pid: number
  readonly #process: ChildProcess
  readonly #calls = new Map<number, Call>()
  readonly #notes = new Map<string, () => void>()
  #next = 0

  private constructor(process: ChildProcess, program: string) {
    this.#process = process
    this.pid = process.pid ?? 0
    process.on('message', (message: Message) => this.#hear(message))
    // An abort is told as an error, and ends the process as well.
    process.on('error', () => {})
    process.on('exit', (code, signal) => {
      const error = new Error(`the process '${program}' ended (${signal ?? code}) before it answered`)
      for (const { reject } of this.#calls.values()) reject(error)
      this.#calls.clear()
    })
  }

  /** Starts a program, which answers `ready` once it can answer anything. The signal kills it. */
  static start(program: string, signal: AbortSignal, execArgv: string[] = []): Child {
    signal.throwIfAborted()
    const forked = fork(fileURLToPath(new URL(`processes/${program}.js`, import.meta.url)), [], {
      execArgv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
      signal,
      killSignal: 'SIGKILL',
    })
    return new Child(forked, program)
  }

  /** Has the process do something; resolves with its answer, rejects with the error that it met. */
  ask<T = void>(operation: string, ...args: unknown[]): Promise<T> {
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#process.send({ id, operation, args }, (error) => error && reject(error))
    })
  }

  /**
   * Resolves when the process tells of the event of that name the next time; rejects if `work`
   * does, before it did.
   */
  noted(name: string, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#notes.set(name, resolve)
      work.catch(reject)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }

  #hear(message: Message): void {
    if ('note' in message) {
      this.#notes.get(message.note)?.()
      return
    }
    const call = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    const { error } = message
    if (error === undefined) call?.resolve(message.value)
    else call?.reject(Object.assign(new Error(error.message), { code: error.code }))
  }
}
