import type { DyadCore } from '@dyad/core'

/** Who wants to know of a file at one name. */
interface Watched {
  readonly told: Set<() => void>
  readonly ending: AbortController
  /** Ends it once nobody has wanted it for a while. */
  timer?: NodeJS.Timeout | undefined
}

/** How long a watch stays that nobody wants, in ms: waits in one directory follow one another. */
const IDLE_MS = 10_000
/** Names that are watched in a session; with more, watches end at once that nobody wants. */
const MOST_IDLE = 256

/**
 * Tells of files that are published at the names of directories: what is below such a name can
 * never be published. Those who wait below the same name share one wait.
 */
export class FilesAbove {
  readonly #watched = new WeakMap<DyadCore, Map<string, Watched>>()

  /**
   * Calls `found` once a file is published at the name of a directory of `path`. Returns what ends
   * that.
   */
  watch(session: DyadCore, path: string, found: () => void): () => void {
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

/** Waits for a file at a name. Where that fails, the wait for the file below says why. */
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
