import type { DyadCore, FileRecord } from '@dyad-ts/core'
import { RunNews } from './run-news.js'

/** Runs that are remembered; the one that began first is forgotten for another. */
const MOST_RUNS = 64
/** Paths whose waits, and failures that are remembered of a run. */
const MOST_WAITS = 1_000
const MOST_FAILURES = 100
/** Versions that are remembered of a run, so that another request for one is no other file. */
const MOST_VERSIONS = 1_024
/** Bytes of paths and messages that a report has room for; see docs/agent-protocol.md. */
export const MOST_TEXT_BYTES = 48 * 1024

/** What REPORTED says of a run. */
export interface RunReport {
  /** Versions of files that were consumed, their bytes, and how many of those transfers brought. */
  readonly consumed: { readonly files: number; readonly bytes: number; readonly moved: number }
  readonly produced: { readonly files: number; readonly bytes: number }
  /** How often and for how long, in ms, requests waited for files that were not published. */
  readonly waited: { readonly times: number; readonly ms: number }
  /** The paths that were waited for, the longest first; not all of them if there are many. */
  readonly waits: readonly { readonly path: string; readonly times: number; readonly ms: number }[]
  /** Requests that failed. */
  readonly failed: number
  /** The first of them. */
  readonly failures: readonly Failure[]
}

interface Failure {
  readonly request: string
  readonly path: string
  readonly code: string
  readonly message: string
}

/** What programs of one run had done for them, in bounded memory. */
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

  /** Resolves once it is known whether other nodes can fetch what was produced. */
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

/** The first items, as many as there is room for; takes their room. */
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

/** The runs that programs belong to. */
export class Runs {
  readonly #runs = new Map<string, Run>()

  /** What is known of a run; '' is none. */
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

  /** The report of a run, which may be unknown. */
  report(id: string): RunReport {
    return (this.#runs.get(id) ?? new Run()).report
  }
}
