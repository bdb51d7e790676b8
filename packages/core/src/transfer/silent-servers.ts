/**
 * How long a server is left alone after it did not answer, in ms; twice as long each time that it
 * does not.
 */
const FIRST_PAUSE_MS = 10_000
const LONGEST_PAUSE_MS = 300_000

interface Silence {
  readonly pause: number
  readonly until: number
}

/**
 * Servers that did not answer at all, as behind a firewall that drops what it does not know. Each
 * attempt takes long to fail, so that they are left alone for a while, and another transport gets
 * its turn at once.
 */
export class SilentServers {
  readonly #silences = new Map<string, Silence>()

  /** Whether the server at `url` is to be left alone for now. */
  has(url: string): boolean {
    const silence = this.#silences.get(url)
    return silence !== undefined && performance.now() < silence.until
  }

  /** It did not answer. */
  add(url: string): void {
    const now = performance.now()
    for (const [other, { until }] of this.#silences) {
      if (until + LONGEST_PAUSE_MS < now) this.#silences.delete(other)
    }
    const before = this.#silences.get(url)
    // Attempts that were under way together count as one.
    if (before !== undefined && now < before.until) return
    const pause = before === undefined ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * before.pause)
    this.#silences.set(url, { pause, until: now + pause })
  }

  /** It answered. */
  delete(url: string): void {
    this.#silences.delete(url)
  }
}
