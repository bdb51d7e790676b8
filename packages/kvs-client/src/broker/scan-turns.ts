/** Most cost of one turn of the event loop. A record looked at costs one, a record sent more. */
const TURN_COST = 4_096

/** Looks through records, a slice at a time. */
export interface Scan {
  /** Does the next slice. Returns its cost, and whether the scan continues without being asked. */
  step(): { readonly cost: number; readonly again: boolean }
}

/**
 * Lets all sessions take turns at scanning. After a slice for one session comes a slice for the
 * next, and the other work of the event loop. So a long scan delays other sessions by a slice at
 * most.
 */
export class ScanTurns {
  /** By session. The first one has the next turn. */
  readonly #waiting = new Map<object, Set<Scan>>()
  #left = TURN_COST
  #isScheduled = false

  /**
   * Does a slice of a session's scan: at once if no other session waits and this turn is young,
   * else later.
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
      // It goes behind the others if it has more.
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
