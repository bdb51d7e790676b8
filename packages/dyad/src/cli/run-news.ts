import { setTimeout } from 'node:timers/promises'
import type { NewsItem } from '@dyad-ts/agent'
import { reasonOf } from '@dyad-ts/core/internal'
import { askNews, SilentAgent } from './ask-agent.js'
import { say, tell } from './output.js'
import type { ProgramAgent } from './program-agent.js'

/** Failures that are printed; the others are counted. */
const MOST_FAILURES = 10
/** How long after the last answer of the agent this greets it again, in ms. */
const CHECK_MS = 30_000
/**
 * How long a program gets to print its own message about a failure, in ms, so that its line stays
 * whole.
 */
const OWN_LINE_MS = 100

/** A run whose news are printed. */
export interface ToldRun {
  readonly id: string
  readonly agent: ProgramAgent
  /** The variables DYAD_* of its program. */
  readonly variables: ReadonlyMap<string, string>
}

/**
 * Prints on stderr, while a program runs, the files that it waits for and the failures. The program
 * itself receives only an errno, which it may not print. Disposing of it prints the rest.
 */
export class RunNews implements AsyncDisposable {
  readonly #run: ToldRun
  readonly #ended = new AbortController()
  readonly #following: Promise<void>
  #heard = 0
  #failures = 0
  #isSilent = false

  constructor(run: ToldRun) {
    this.#run = run
    this.#following = this.#follow()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#following
    try {
      this.#tellAll(await this.#ask())
    } catch {
      // The program has met the same failure, or does not need the agent.
    }
    if (this.#failures > MOST_FAILURES) say(`${this.#failures - MOST_FAILURES} more kinds of failures`)
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended
    try {
      while (!signal.aborted) {
        await this.#check()
        const checkAgain = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)])
        await this.#listen(checkAgain)
      }
    } catch (error) {
      if (signal.aborted) return
      const why = reasonOf(error)
      // The agent refuses the options of this run, and its message says what to do.
      if (why.startsWith('ERR_DYAD_')) say(why)
      else say(`${why}: opens and closes of managed files wait 10 s for another; start this node's service again`)
    }
  }

  /** Prints a line if the agent does not answer. No request of the program ends then. */
  async #check(): Promise<void> {
    try {
      this.#tellAll(await this.#ask())
      if (this.#isSilent) say('the agent answers again')
      this.#isSilent = false
    } catch (error) {
      if (!(error instanceof SilentAgent)) throw error
      if (!this.#isSilent) say(`${error.message}: its process is stopped or overloaded; the program waits for it`)
      this.#isSilent = true
    }
  }

  /** Receives news until the signal fires. */
  async #listen(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const news = await this.#ask(signal)
        await setTimeout(OWN_LINE_MS, undefined, { signal })
        this.#tellAll(news)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #ask(signal?: AbortSignal): Promise<NewsItem[]> {
    const { agent, variables, id } = this.#run
    return askNews(agent.path, variables, { run: id, from: this.#heard }, signal)
  }

  #tellAll(news: readonly NewsItem[]): void {
    this.#heard += news.length
    for (const item of news) this.#tell(item)
  }

  #tell({ kind, text }: NewsItem): void {
    if (kind === 'failure') {
      if (++this.#failures <= MOST_FAILURES) say(text)
    }
    // An agent of this process prints the rest itself.
    else if (!this.#run.agent.isOwn) {
      if (kind === 'warning') say(`warning: ${text}`)
      else tell(text)
    }
  }
}
