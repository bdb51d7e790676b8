/**
 * Opens something once for all callers. After a failure the next caller tries again, since the
 * cause may be gone by then.
 */
export class OpenedOnce<T> {
  readonly #open: () => Promise<T>
  #opened: Promise<T> | undefined

  constructor(open: () => Promise<T>) {
    this.#open = open
  }

  /** The result of the opening, or of the attempt under way; undefined if there is none. */
  get current(): Promise<T> | undefined {
    return this.#opened
  }

  /**
   * Resolves with the result of the opening, which it begins unless it is done. Rejects as the
   * opening does.
   */
  get(): Promise<T> {
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }
}
