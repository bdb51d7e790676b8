/** Is told when a signal fires. */
export interface Abortable {
  aborted(): void
}

/**
 * Listens to signals for many at once: one listener for a signal, however many share it, since adding a listener costs as much as the signal
 * has already.
 */
export class Aborts {
  readonly #groups = new Map<AbortSignal, { members: Set<Abortable>; listener: () => void }>()

  add(signal: AbortSignal | undefined, member: Abortable): void {
    if (signal === undefined) return
    const group = this.#groups.get(signal)
    if (group !== undefined) {
      group.members.add(member)
      return
    }
    const members = new Set([member])
    const listener = () => {
      this.#groups.delete(signal)
      for (const each of members) each.aborted()
    }
    this.#groups.set(signal, { members, listener })
    signal.addEventListener('abort', listener, { once: true })
  }

  remove(signal: AbortSignal | undefined, member: Abortable): void {
    if (signal === undefined) return
    const group = this.#groups.get(signal)
    if (!group?.members.delete(member) || group.members.size > 0) return
    this.#groups.delete(signal)
    signal.removeEventListener('abort', group.listener)
  }
}
