/** What one turn of the event loop may cost: each record looked at one, each record sent more. */
const TURN_COST = 4_096

/** Looks through records, a slice at a time. */
export interface Scan {
  /**
   * Does the next slice; returns what that cost, and whether there is more to do without being
   * asked.
   */
  step(): { readonly cost: number; readonly again: boolean }
}

/**
 * The turns of all sessions at looking through records. After a slice for one session comes one for
 * the next, and whatever else the event loop has to do. So a session that scans a lot holds up no
 * other by more than a slice.
 */
export class ScanTurns {
  /** By session; the one whose turn is next comes first. */
  readonly #waiting = new Map<object, Set<Scan>>()
  #left = TURN_COST
  #isScheduled = false

  /**
   * Does a slice of a scan of that session: at once if nobody waits and this turn is young, else
   * later.
   */
  run(session: object, scan: Scan): void {
    if (this.#waiting.size === 0 && this.#left > 0) this.#step(session, scan)
    else this.#enqueue(session, scan)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#left = TURN_COST
    while (this.#left > 0 && this.#waiting.size > 0) this.#next()
    this.#isScheduled = this.#waiting.size > 0
    if (this.#isScheduled) setImmediate(this.#turn)
  }

  #next(): void {
    for (const [session, scans] of this.#waiting) {
      // Behind the others, if it has more.
      this.#waiting.delete(session)
      for (const scan of scans) {
        scans.delete(scan)
        if (scans.size > 0) this.#waiting.set(session, scans)
        this.#step(session, scan)
        break
      }
      return
    }
  }

  #step(session: object, scan: Scan): void {
    const { cost, again } = scan.step()
    this.#left -= Math.max(1, cost)
    if (again) this.#enqueue(session, scan)
  }

  #enqueue(session: object, scan: Scan): void {
    const scans = this.#waiting.get(session)
    if (scans === undefined) this.#waiting.set(session, new Set([scan]))
    else scans.add(scan)
  }
}
