import { type ConfigOptions, type DyadCore, DyadError, type OptionName } from '@dyad-ts/core'
import { OPTIONS, programEnvironment } from '@dyad-ts/core/internal'

/**
 * Opens a session of a program: `options` go before what the variables `env` say. Whoever opened it
 * closes it.
 */
export type OpenSession = (options: ConfigOptions, env: NodeJS.ProcessEnv) => Promise<DyadCore>

/** Sessions that are open at a time; each has a connection to a store. */
const MOST = 64
/** How long a session stays that no connection uses, in ms: short programs follow one another. */
const IDLE_MS = 60_000
/**
 * What holds for all programs: names are relative to the managed directories, and this process
 * neither tells programs' diagnostics on its stderr nor notes their health in its environment.
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

/** A session that is used; its user releases it once. */
export interface UsedSession {
  readonly opening: Promise<DyadCore>
  release(): void
}

/**
 * The sessions of programs, one for each set of variables, so that its read ahead, its leases and
 * its connection to the store outlive short programs. The maker closes it.
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
   * The session of a program with these variables. ERR_DYAD_OPTION, ERR_DYAD_BUSY where there are
   * too many; `opening` fails as opening does.
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

  /** Closes all of them. */
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

  /** Makes room by the end of the session that was opened first of those that nobody uses. */
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
      // What could not be published was answered so.
      .catch(() => {})
      .then(() => {
        this.#ending.delete(ending)
      })
    this.#ending.add(ending)
  }
}

/**
 * Those that choose a session, in the order of the options. ERR_DYAD_OPTION for a value that is no
 * UTF-8.
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
