import { type ConfigOptions, type DyadCore, DyadError, type OptionName } from '@dyad-ts/core'
import { OPTIONS, programEnvironment } from '@dyad-ts/core/internal'

/**
 * Opens a session of a program. `options` take precedence over the variables `env`. The caller
 * closes it.
 */
export type OpenSession = (options: ConfigOptions, env: NodeJS.ProcessEnv) => Promise<DyadCore>

/** Most open sessions; each has a connection to a store. */
const MOST = 64
/** How long an unused session stays open, in ms: short programs follow one another. */
const IDLE_MS = 60_000
/**
 * Options of all programs' sessions: names are relative to the managed directories, and this
 * process neither prints programs' diagnostics on its stderr nor notes their health in its
 * environment.
 */
const FIXED = { relative: true, syncDebug: false, syncCheck: false } as const satisfies ConfigOptions
/** The variables that choose a session. */
const CHOOSING: readonly string[] = (Object.keys(OPTIONS) as OptionName[])
  .filter((name) => !Object.hasOwn(FIXED, name))
  .map((name) => OPTIONS[name].env)

interface Shared {
  readonly opening: Promise<DyadCore>
  users: number
  timer: NodeJS.Timeout | undefined
}

/** A session in use. Its user releases it once. */
export interface UsedSession {
  readonly opening: Promise<DyadCore>
  release(): void
}

/**
 * The sessions of programs, one for each set of variables, so that read ahead, leases and the
 * connection to the store outlive short programs. The maker closes it.
 */
export class Sessions {
  readonly #open: OpenSession
  readonly #shared = new Map<string, Shared>()
  readonly #ending = new Set<Promise<void>>()
  #isClosed = false

  constructor(open: OpenSession) {
    this.#open = open
  }

  /**
   * Returns the session for these variables. ERR_DYAD_OPTION, or ERR_DYAD_BUSY if there are too
   * many. `opening` rejects if the open fails.
   */
  use(variables: ReadonlyMap<string, string | undefined>): UsedSession {
    if (this.#isClosed) throw new DyadError('ERR_DYAD_CLOSED')
    const chosen = chosenIn(variables)
    const key = JSON.stringify(chosen)
    const shared = this.#shared.get(key) ?? this.#begin(key, new Map(chosen))
    clearTimeout(shared.timer)
    shared.users++
    return {
      opening: shared.opening,
      release: () => {
        if (--shared.users > 0 || this.#shared.get(key) !== shared) return
        shared.timer = setTimeout(() => this.#end(key, shared), IDLE_MS)
      },
    }
  }

  /** Closes all sessions. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const [key, shared] of this.#shared) this.#end(key, shared)
    await Promise.all(this.#ending)
  }

  #begin(key: string, variables: ReadonlyMap<string, string>): Shared {
    const env = programEnvironment(variables)
    if (this.#shared.size >= MOST) this.#endIdle()
    const shared: Shared = { opening: this.#open(FIXED, env), users: 0, timer: undefined }
    this.#shared.set(key, shared)
    shared.opening.catch(() => {
      // The cause may be gone for the next program.
      if (this.#shared.get(key) === shared) this.#shared.delete(key)
    })
    return shared
  }

  /** Makes room: ends the oldest unused session. */
  #endIdle(): void {
    for (const [key, shared] of this.#shared) {
      if (shared.users > 0) continue
      this.#end(key, shared)
      return
    }
    const detail = `programs with ${MOST} different sets of variables DYAD_* use the agent now`
    throw new DyadError('ERR_DYAD_BUSY', { detail })
  }

  #end(key: string, shared: Shared): void {
    clearTimeout(shared.timer)
    this.#shared.delete(key)
    const ending = shared.opening
      .then((session) => session.close())
      // The answers have reported unpublished files.
      .catch(() => {})
      .then(() => {
        this.#ending.delete(ending)
      })
    this.#ending.add(ending)
  }
}

/**
 * Returns the variables that choose a session, in the order of the options. ERR_DYAD_OPTION for a
 * value that is not UTF-8.
 */
function chosenIn(variables: ReadonlyMap<string, string | undefined>): [name: string, value: string][] {
  const chosen: [string, string][] = []
  for (const name of CHOOSING) {
    if (!variables.has(name)) continue
    const value = variables.get(name)
    if (value === undefined)
      throw new DyadError('ERR_DYAD_OPTION', { option: name, detail: 'it is not well-formed UTF-8' })
    chosen.push([name, value])
  }
  return chosen
}
