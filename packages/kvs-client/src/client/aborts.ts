/** Called when a signal fires. */
export interface Abortable {
  /** Its index among the listeners of the same signal; {@link Aborts} keeps it. */
  place: number
  aborted(): void
}

/** The listeners of one signal. */
interface Group {
  readonly members: Abortable[]
  readonly listener: () => void
}

/**
 * Listens to signals for many at once. It adds one listener to a signal, however many share it:
 * adding a listener costs as much as the signal has already.
 */
export class Aborts {
  readonly #groups = new Map<AbortSignal, Group>()

  add(signal: AbortSignal | undefined, member: Abortable): void {
    if (signal === undefined) return
    const members = this.#groups.get(signal)?.members ?? this.#begin(signal)
    // An array, not a Set, for the same reason that ExchangeTable is no Map.
    member.place = members.push(member) - 1
  }

  remove(signal: AbortSignal | undefined, member: Abortable): void {
    if (signal === undefined) return
    const group = this.#groups.get(signal)
    if (group === undefined || group.members[member.place] !== member) return
    const last = group.members.pop() as Abortable
    if (last !== member) {
      group.members[member.place] = last
      last.place = member.place
    }
    if (group.members.length > 0) return
    this.#groups.delete(signal)
    signal.removeEventListener('abort', group.listener)
  }

  #begin(signal: AbortSignal): Abortable[] {
    const members: Abortable[] = []
    const listener = () => {
      this.#groups.delete(signal)
      for (const each of members) each.aborted()
    }
    this.#groups.set(signal, { members, listener })
    signal.addEventListener('abort', listener, { once: true })
    return members
  }
}
