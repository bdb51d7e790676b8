import { reasonOf } from '@dyad/core'
import { askNews, type NewsItem } from './ask-agent.js'
import { say, tell } from './output.js'
import type { ProgramAgent } from './program-agent.js'

/** Lines of failures that are said; the rest is counted. */
const MOST_FAILURES = 10

/** A run whose news are said. */
export interface ToldRun {
  readonly id: string
  readonly agent: ProgramAgent
  /** The variables DYAD_* of its program. */
  readonly variables: ReadonlyMap<string, string>
}

/**
 * Says on stderr, while a program runs, what keeps it waiting and what fails: the program itself has
 * an errno for it, which it may not print. Disposing of it says the rest.
 */
export class RunNews implements AsyncDisposable {
  readonly #run: ToldRun
  readonly #ended = new AbortController()
  readonly #following: Promise<void>
  #heard = 0
  #failures = 0

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
      while (!signal.aborted) this.#tellAll(await this.#ask(signal))
    } catch (error) {
      if (signal.aborted) return
      const why = reasonOf(error)
      // The agent refuses the options of this run, and has said what to do.
      if (why.startsWith('ERR_DYAD_')) say(why)
      else say(`${why}: opens and closes of managed files wait 10 s for another; start this node's service again`)
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
