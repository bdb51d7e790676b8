import { setTimeout } from 'node:timers/promises'
import type { NewsItem } from '@dyad-ts/agent'
import { reasonOf } from '@dyad-ts/core/internal'
import { askNews, SilentAgent } from './ask-agent.js'
import { say, tell } from './output.js'
import type { ProgramAgent } from './program-agent.js'

/** Lines of failures that are said; the rest is counted. */
const MOST_FAILURES = 10
/** How long after the last word of the agent it is asked whether it still answers, in ms. */
const CHECK_MS = 30_000
/**
 * How long a program gets to print what it says of a failure itself, in ms, so that its line is
 * whole.
 */
const OWN_LINE_MS = 100

/** A run whose news are said. */
export interface ToldRun {
  readonly id: string
  readonly agent: ProgramAgent
  /** The variables DYAD_* of its program. */
  readonly variables: ReadonlyMap<string, string>
}

/**
 * Says on stderr, while a program runs, what keeps it waiting and what fails: the program itself
 * has an errno for it, which it may not print. Disposing of it says the rest.
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
      // The program has met that, or does not need the agent.
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
      // The agent refuses the options of this run, and has said what to do.
      if (why.startsWith('ERR_DYAD_')) say(why)
      else say(`${why}: opens and closes of managed files wait 10 s for another; start this node's service again`)
    }
  }

  /** Says so if the agent does not answer: nothing that the program asks it for ends then. */
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

  /** Hears what is new until the signal fires. */
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
    // An agent of this process says the rest itself.
    else if (!this.#run.agent.isOwn) {
      if (kind === 'warning') say(`warning: ${text}`)
      else tell(text)
    }
  }
}
