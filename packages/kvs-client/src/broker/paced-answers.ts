import type { Packed } from '../records/packed.js'
import type { SessionLink } from './answers.js'

/** While this many bytes wait to be sent, the session answers no more waits. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024

interface Woken {
  readonly id: number
  readonly packed: Packed
}

/**
 * Answers the waits of a session as its peer reads: one put may end more waits than can be answered
 * at once.
 */
export class PacedAnswers {
  readonly #link: SessionLink
  readonly #answer: (id: number, packed: Packed) => void
  #woken: Woken[] = []
  #isClosed = false

  constructor(link: SessionLink, answer: (id: number, packed: Packed) => void) {
    this.#link = link
    this.#answer = answer
  }

  /** Answers a wait, at once or in its turn. */
  give(id: number, packed: Packed): void {
    if (this.#woken.length === 0 && this.#link.unsentBytes <= MAX_UNSENT_BYTES) this.#answer(id, packed)
    else if (this.#woken.push({ id, packed }) === 1) void this.#giveAll()
  }

  /** Forgets the unanswered waits. */
  close(): void {
    this.#isClosed = true
    this.#woken = []
  }

  async #giveAll(): Promise<void> {
    for (let i = 0; i < this.#woken.length; i++) {
      while (this.#link.unsentBytes > MAX_UNSENT_BYTES && !this.#isClosed) await this.#link.drained()
      if (this.#isClosed) return
      const { id, packed } = this.#woken[i] as Woken
      this.#answer(id, packed)
    }
    this.#woken = []
  }
}
