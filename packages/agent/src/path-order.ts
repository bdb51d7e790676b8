/** Runs work on one path in the order in which it was asked for, and work on different paths at once. */
export class PathOrder {
  /** The last work of each path that has some under way. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` once the earlier work of the same path has ended, however it did; settles as `work` does. */
  async run<T>(path: string, work: () => Promise<T>): Promise<T> {
    const earlier = this.#last.get(path)
    const running = earlier === undefined ? work() : earlier.then(work, work)
    this.#last.set(path, running)
    try {
      return await running
    } finally {
      if (this.#last.get(path) === running) this.#last.delete(path)
    }
  }
}
