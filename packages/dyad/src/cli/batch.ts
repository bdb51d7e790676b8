import { setMaxListeners } from 'node:events'
import { DyadError, type ErrorCode, isDyadError } from '@dyad-ts/core'
import { reasonOf, visible } from '@dyad-ts/core/internal'
import { BatchProgress } from './batch-progress.js'
import { type Failure, tellFailure } from './failure.js'
import { Interruption } from './interruption.js'
import { bytes, print, printJson, say } from './output.js'
import { plural } from './plural.js'

/** Failures after which no other file of a batch can succeed. */
const OF_ALL: ReadonlySet<ErrorCode> = new Set([
  'ERR_DYAD_OPTION',
  'ERR_DYAD_DTL_MODE',
  'ERR_DYAD_RDMA_UNAVAILABLE',
  'ERR_DYAD_KVS_UNREACHABLE',
  'ERR_DYAD_NAMESPACE_MISSING',
  'ERR_DYAD_CLOSED',
])

/** The result of one file. */
interface Result {
  /** The line to print. */
  readonly line: string
  readonly size: number
  /** Whether it was there already, so that nothing moved. */
  readonly isPresent: boolean
  /** The value that `--json` prints. */
  readonly json: object
}

/** The words of a batch for its work. */
export interface BatchWords {
  /** One word for the bar: 'put'. */
  readonly verb: string
  /** A participle for the summary: 'published'. */
  readonly done: string
}

/**
 * Collects the results of the files of one command. It prints the failure of a file at once, and
 * the other files continue. Disposing of it prints the summary, and sets the exit code if a file
 * failed.
 */
export class Batch implements Disposable {
  readonly progress: BatchProgress
  readonly #words: BatchWords
  readonly #isJson: boolean
  readonly #results: Result[] = []
  readonly #failures: { file: string; code: string | null; message: string }[] = []
  readonly #leftOut: { file: string; reason: string }[] = []
  readonly #exitCodes = new Set<number>()
  #finished = 0
  #all = 0

  constructor(words: BatchWords, isJson: boolean) {
    this.#words = words
    this.#isJson = isJson
    this.progress = new BatchProgress(words.verb)
  }

  /** Counts a file as done, and prints its line. */
  add(result: Result): void {
    this.#results.push(result)
    if (this.#isJson) return
    if (process.stdout.isTTY) this.progress.aside(() => print(result.line))
    else print(result.line)
  }

  /** Counts a failed file, and prints its error. */
  fail(file: string, error: unknown): void {
    const named = naming(file, error)
    let failure: Failure | undefined
    this.progress.aside(() => {
      failure = tellFailure(named)
    })
    this.#exitCodes.add(failure?.exitCode ?? 1)
    const { code } = (named instanceof Error ? named : {}) as NodeJS.ErrnoException
    this.#failures.push({ file, code: code ?? null, message: failure?.line ?? '' })
  }

  /** Counts a file that is left out, and prints the reason. This is no failure. */
  leaveOut(file: string, reason: string): void {
    this.#leftOut.push({ file, reason })
    this.progress.aside(() => say(`left out ${file}: ${reason}`))
  }

  /**
   * Runs `work` for a file, and counts its error as the failure of the file. Rejects with an error
   * that concerns all files, and with the signal's reason.
   */
  async attempt(file: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    try {
      await work()
    } catch (error) {
      signal.throwIfAborted()
      if (isOfAll(error)) throw error
      this.fail(file, error)
    }
  }

  /**
   * Attempts `work` for each file, several at once. The first error that concerns all files ends
   * the batch.
   */
  async run<File>(
    files: readonly File[],
    atOnce: number,
    nameOf: (file: File) => string,
    work: (file: File, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#all += files.length
    const failed = new AbortController()
    const ending = AbortSignal.any([signal, failed.signal])
    setMaxListeners(0, ending)
    const queue = files.values()
    const worker = async () => {
      for (const file of queue) {
        if (ending.aborted) return
        try {
          await this.attempt(nameOf(file), () => work(file, ending), ending)
          this.#finished++
        } catch (error) {
          return failed.abort(error)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, files.length) }, worker))
    ending.throwIfAborted()
  }

  [Symbol.dispose](): void {
    this.progress[Symbol.dispose]()
    const [code] = this.#exitCodes
    // Failures of several kinds have no common code.
    if (code !== undefined) process.exitCode = this.#exitCodes.size === 1 ? code : 1
    say(this.#summary())
    if (!this.#isJson) return
    this.#results.sort((a, b) => (a.line < b.line ? -1 : 1))
    const files = this.#results.map(({ json }) => json)
    printJson({ files, failures: this.#failures, leftOut: this.#leftOut })
  }

  #summary(): string {
    const done = this.#results.filter(({ isPresent }) => !isPresent)
    const present = this.#results.length - done.length
    const size = bytes(done.reduce((sum, result) => sum + result.size, 0))
    const parts = [`${this.#words.done} ${plural(done.length, 'file')}${done.length === 0 ? '' : ` (${size})`}`]
    if (present > 0) parts.push(`${plural(present, 'file')} ${present === 1 ? 'was' : 'were'} there already`)
    if (this.#failures.length > 0) parts.push(plural(this.#failures.length, 'failure'))
    if (this.#leftOut.length > 0) parts.push(`${this.#leftOut.length} left out`)
    const missing = this.#all - this.#finished
    if (missing > 0) parts.push(`${plural(missing, 'file')} not finished`)
    return parts.join(', ')
  }
}

/** Returns true for an error after which no other file of a batch can succeed. */
function isOfAll(error: unknown): boolean {
  return error instanceof Interruption || (isDyadError(error) && OF_ALL.has(error.code))
}

/** Returns the error if its message names the file, else a new one that does. */
function naming(file: string, error: unknown): unknown {
  const { message = '' } = error instanceof Error ? error : {}
  const isNamed = [file, visible(file)].some(
    (name) => message.includes(`'${name}'`) || message.startsWith(`${name} `) || message.startsWith(`${name}: `),
  )
  if (isNamed) return error
  if (isDyadError(error)) {
    if (error.path === undefined) return error.within({ path: file })
    // The file here and the managed file differ.
    const detail = `'${error.path}': ${reasonOf(error)}`
    return new DyadError(error.code, { path: file, node: error.node, detail, cause: error })
  }
  return new DyadError('ERR_DYAD_SYSTEM', { path: file, cause: error })
}
