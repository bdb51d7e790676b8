/**
 * Opens something once for all callers. After a failure the next caller tries again, since what was
 * in the way may be gone by then.
 */
export class OpenedOnce<T> {
  readonly #open: () => Promise<T>
  #opened: Promise<T> | undefined

  constructor(open: () => Promise<T>) {
    this.#open = open
  }

  /** What is open, or being opened, if anything is. */
  get current(): Promise<T> | undefined {
    return this.#opened
  }

  /** Resolves with what is open; opens it first where nothing is. Rejects as the opening does. */
  get(): Promise<T> {
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }
}
