import type { ConsumeOptions, DyadCore } from '@dyad-ts/core'
import { giveBackController, listenTo, takeController } from '@dyad-ts/core/internal'

/** The options of a request's wait. */
export type Bounded = ConsumeOptions & { readonly signal: AbortSignal }

/** A wait for a file at one name, and the requests below that name. */
interface Watched {
  readonly told: Set<() => void>
  readonly ending: AbortController
  /** Ends the wait after a while without users. */
  timer?: NodeJS.Timeout | undefined
}

/** How long an unused watch stays, in ms: waits in one directory follow one another. */
const IDLE_MS = 10_000
/** Most watched names of a session. With more, unused watches end at once. */
const MOST_IDLE = 256

/**
 * Waits for files, and for files at the names of their directories: a file below such a name can
 * never be published. Requests below the same name share one wait.
 */
export class FilesAbove {
  readonly #watched = new WeakMap<DyadCore, Map<string, Watched>>()

  /**
   * Waits for a file. Returns undefined once a file is published at the name of one of its
   * directories.
   */
  async unlessFound<Found>(
    session: DyadCore,
    path: string,
    options: Bounded,
    work: (options: ConsumeOptions) => Promise<Found>,
  ): Promise<Found | undefined> {
    if (!path.includes('/')) return work(options)
    const ending = takeController()
    const stop = listenTo(options.signal, () => ending.abort(options.signal.reason))
    let isBelow = false
    let end: (() => void) | undefined
    const onWaiting = () => {
      options.onWaiting?.()
      end = this.#watch(session, path, () => {
        isBelow = true
        ending.abort()
      })
    }
    try {
      return await work({ ...options, signal: ending.signal, onWaiting })
    } catch (error) {
      if (isBelow && !options.signal.aborted) return undefined
      throw error
    } finally {
      stop()
      // After the answer.
      if (end !== undefined) setImmediate(end)
      else giveBackController(ending)
    }
  }

  /**
   * Calls `found` once a file is published at the name of a directory of `path`. Returns a function
   * that ends the watch.
   */
  #watch(session: DyadCore, path: string, found: () => void): () => void {
    const all = this.#watched.get(session) ?? new Map<string, Watched>()
    this.#watched.set(session, all)
    const names = namesAbove(path)
    for (const name of names) {
      const watched = all.get(name) ?? begin(session, name, all)
      clearTimeout(watched.timer)
      watched.timer = undefined
      watched.told.add(found)
    }
    return () => {
      for (const name of names) {
        const watched = all.get(name)
        if (!watched?.told.delete(found) || watched.told.size > 0) continue
        const end = () => {
          all.delete(name)
          watched.ending.abort()
        }
        if (all.size > MOST_IDLE) end()
        else watched.timer = setTimeout(end, IDLE_MS).unref()
      }
    }
  }
}

/** Waits for a file at a name. If that fails, the wait for the file below reports the reason. */
function begin(session: DyadCore, name: string, all: Map<string, Watched>): Watched {
  const watched: Watched = { told: new Set(), ending: new AbortController() }
  all.set(name, watched)
  const settled = () => {
    clearTimeout(watched.timer)
    if (all.get(name) === watched) all.delete(name)
  }
  session.lookup(name, { signal: watched.ending.signal, timeout: 0 }).then(() => {
    settled()
    for (const found of watched.told) found()
  }, settled)
  return watched
}

function namesAbove(path: string): string[] {
  const components = path.split('/').slice(0, -1)
  return components.map((_, index) => components.slice(0, index + 1).join('/'))
}
