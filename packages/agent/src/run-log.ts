import type { DyadCore, FileRecord } from '@dyad-ts/core'
import { RunNews } from './run-news.js'

/** Most runs. The oldest is forgotten first. */
const MOST_RUNS = 64
/** Most paths of waits, and most failures of a run. */
const MOST_WAITS = 1_000
const MOST_FAILURES = 100
/** Most versions of a run, so that a repeated request does not count again. */
const MOST_VERSIONS = 1_024
/** Most bytes of paths and messages in a report; see docs/agent-protocol.md. */
export const MOST_TEXT_BYTES = 48 * 1024

/** The report of a run in REPORTED. */
export interface RunReport {
  /** Number of consumed versions of files, their bytes, and the bytes that transfers brought. */
  readonly consumed: { readonly files: number; readonly bytes: number; readonly moved: number }
  readonly produced: { readonly files: number; readonly bytes: number }
  /** Number of waits for unpublished files, and their total time in ms. */
  readonly waited: { readonly times: number; readonly ms: number }
  /** The paths of the waits, the longest first; not all if there are many. */
  readonly waits: readonly { readonly path: string; readonly times: number; readonly ms: number }[]
  /** Number of failed requests. */
  readonly failed: number
  /** The first failures. */
  readonly failures: readonly Failure[]
}

interface Failure {
  readonly request: string
  readonly path: string
  readonly code: string
  readonly message: string
}

/** The counts of one run, in bounded memory. */
export class Run {
  readonly news = new RunNews()
  readonly #consumed = { files: 0, bytes: 0, moved: 0 }
  readonly #produced = { files: 0, bytes: 0 }
  readonly #waited = { times: 0, ms: 0 }
  readonly #waits = new Map<string, { times: number; ms: number }>()
  readonly #versions = new Set<string>()
  readonly #failures: Failure[] = []
  #failed = 0
  #advice: Promise<void> | undefined

  consumed({ path, epoch, generation, size }: FileRecord, moved: boolean): void {
    if (moved) this.#consumed.moved += size
    const version = `${path}\0${epoch}\0${generation}`
    if (this.#versions.has(version)) return
    this.#consumed.files++
    this.#consumed.bytes += size
    this.#versions.add(version)
    if (this.#versions.size <= MOST_VERSIONS) return
    for (const oldest of this.#versions) {
      this.#versions.delete(oldest)
      break
    }
  }

  produced({ size }: FileRecord, session: DyadCore): void {
    this.#produced.files++
    this.#produced.bytes += size
    this.#advice ??= session.unfetchable().then((reason) => {
      if (reason !== undefined) this.news.addOnce('warning', reason)
    })
  }

  /** Resolves once the run knows whether other nodes can fetch its files. */
  async advised(): Promise<void> {
    await this.#advice
  }

  waited(path: string, ms: number): void {
    this.#waited.times++
    this.#waited.ms += ms
    const known = this.#waits.get(path)
    if (known !== undefined) {
      known.times++
      known.ms += ms
    } else if (this.#waits.size < MOST_WAITS) this.#waits.set(path, { times: 1, ms })
  }

  failed(request: string, path: string, code: string, message: string): void {
    this.#failed++
    const text = `${code}: ${message}`
    this.news.addOnce('failure', path === '' || text.includes(path) ? text : `${path}: ${text}`)
    if (this.#failures.length < MOST_FAILURES) this.#failures.push({ request, path, code, message })
  }

  get report(): RunReport {
    const waits = [...this.#waits].sort(([, a], [, b]) => b.ms - a.ms)
    const room = { bytes: MOST_TEXT_BYTES }
    return {
      consumed: this.#consumed,
      produced: this.#produced,
      waited: { ...this.#waited, ms: Math.round(this.#waited.ms) },
      failed: this.#failed,
      failures: fitting(this.#failures, room),
      waits: fitting(
        waits.map(([path, { times, ms }]) => ({ path, times, ms: Math.round(ms) })),
        room,
      ),
    }
  }
}

/** Returns the first items that fit, and takes their room. */
export function fitting<T>(items: readonly T[], room: { bytes: number }): T[] {
  const fits: T[] = []
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(item)) + 1
    if (bytes > room.bytes) break
    room.bytes -= bytes
    fits.push(item)
  }
  return fits
}

/** The runs of programs. */
export class Runs {
  readonly #runs = new Map<string, Run>()

  /** Returns a run, or undefined for ''. */
  of(id: string): Run | undefined {
    if (id === '') return undefined
    const known = this.#runs.get(id)
    if (known !== undefined) return known
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size < MOST_RUNS) break
      this.#runs.delete(oldest)
    }
    const run = new Run()
    this.#runs.set(id, run)
    return run
  }

  /** Returns the report of a run, also of an unknown one. */
  report(id: string): RunReport {
    return (this.#runs.get(id) ?? new Run()).report
  }
}
