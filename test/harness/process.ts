import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { limitDescriptors } from './limited-process.js'
import type { Teardown } from './teardown.js'

/** An error as it came out of another process. */
export interface RemoteError extends Error {
  code?: string
  node?: string
  path?: string
  rc?: number
  retryable?: boolean
}

type Answer = { id: number; value?: unknown; error?: Record<string, unknown> }
type Note = { note: string; value: unknown }

/**
 * Another process, asked over IPC to do one named thing after the other or several at once, and
 * ended with the test.
 */
export class TestProcess {
  readonly child: ChildProcess
  readonly #open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #notes: Note[] = []
  readonly #listeners = new Set<() => void>()
  #stderr = ''
  #next = 0
  /** The exit code, or the signal that ended the process, once all of its messages are here. */
  #end: unknown

  private constructor(child: ChildProcess) {
    this.child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    child.on('message', (message: Answer | Note) => {
      if ('note' in message) {
        this.#notes.push(message)
        for (const listener of this.#listeners) listener()
        return
      }
      const call = this.#open.get(message.id)
      this.#open.delete(message.id)
      if (message.error === undefined) call?.resolve(message.value)
      else call?.reject(Object.assign(new Error(String(message.error.message)), message.error))
    })
    // Unlike `exit`, `close` comes after all messages and all of stderr.
    child.on('close', (code, signal) => {
      this.#end = signal ?? code
      for (const { reject } of this.#open.values()) {
        reject(new Error(`the process ended (${this.#end}) before it answered: ${this.#stderr}`))
      }
      this.#open.clear()
      for (const listener of this.#listeners) listener()
    })
  }

  /**
   * Starts a program of this folder, as it was built, with an environment of its own; whatever
   * DYAD_* the test runs under is not passed on.
   * @param through a command that starts the command given to it, as env(1) does
   */
  static async start(
    t: Teardown,
    program: string,
    env: Record<string, string> = {},
    argv: string[] = [],
    through: readonly string[] = [],
  ): Promise<TestProcess> {
    const [execPath = process.execPath, ...execArgv] = [...through, process.execPath]
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DYAD_')))
    const child = fork(fileURLToPath(new URL(`dist/${program}.js`, import.meta.url)), argv, {
      env: { ...clean, ...env },
      execPath,
      execArgv,
      stdio: ['pipe', 'inherit', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    const started = new TestProcess(child)
    t.teardown(() => started.kill())
    await started.ask('ready')
    return started
  }

  get pid(): number {
    return this.child.pid as number
  }

  /** Ends the process and resolves with all that it wrote to stderr. */
  async endedStderr(): Promise<string> {
    const read = this.child.stderr?.readableEnded ? undefined : once(this.child.stderr as NodeJS.ReadableStream, 'end')
    await this.kill('SIGTERM')
    await read
    return this.#stderr
  }

  /**
   * Has the process do something; resolves with what it answers, rejects with the error that it
   * met.
   */
  ask<T = unknown>(op: string, ...args: unknown[]): Promise<T> {
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.#open.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.child.send({ id, op, args }, (error) => error && reject(error))
    })
  }

  /**
   * Resolves with the value of the first note of that name that passes `accept`, sent already or
   * yet to come. Rejects if the process ends without it.
   */
  async noted<T = unknown>(name: string, accept: (value: T) => boolean = () => true): Promise<T> {
    for (;;) {
      const found = this.#notes.find(({ note, value }) => note === name && accept(value as T))
      if (found !== undefined) return found.value as T
      if (this.#end !== undefined)
        throw new Error(`the process ended (${this.#end}) before it noted '${name}': ${this.#stderr}`)
      await new Promise<void>((resolve) => {
        const heard = () => {
          this.#listeners.delete(heard)
          resolve()
        }
        this.#listeners.add(heard)
      })
    }
  }

  /** The values of all notes of that name so far. */
  notes<T = unknown>(name: string): T[] {
    return this.#notes.filter(({ note }) => note === name).map(({ value }) => value as T)
  }

  /** Sends a signal and waits for the end of the process; kill -9 unless told otherwise. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    await ended
  }

  /**
   * Lets a process go on that said that it is paused. A signal could come before it has stopped; a
   * byte that it reads cannot.
   */
  unblock(): void {
    this.child.stdin?.write('.')
  }

  /** Lets the process have so many descriptors from now on. */
  limitDescriptors(count: number): void {
    limitDescriptors(count, this.pid)
  }

  /** Stops the process where it is, as a hung one, until `resume`. */
  freeze(): void {
    this.child.kill('SIGSTOP')
  }

  resume(): void {
    this.child.kill('SIGCONT')
  }
}
