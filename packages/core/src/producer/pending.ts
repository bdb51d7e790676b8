import type { FileRecord } from '../kvs/record.js'

/** Publishes that nobody waits for: in order for each path, all at once otherwise. */
export class PendingPublishes {
  readonly #last = new Map<string, Promise<unknown>>()
  readonly #failures: unknown[] = []

  /** Publishes once the earlier publishes of the same path are done. */
  add(path: string, publish: () => Promise<FileRecord>): void {
    const settled = (this.#last.get(path) ?? Promise.resolve())
      .then(publish)
      .catch((error: unknown) => {
        this.#failures.push(error)
      })
      .then(() => {
        if (this.#last.get(path) === settled) this.#last.delete(path)
      })
    this.#last.set(path, settled)
  }

  /** Resolves when all are done; rejects with what failed since the last call: the error, or an AggregateError of several. */
  async settle(): Promise<void> {
    await Promise.all(this.#last.values())
    const failures = this.#failures.splice(0)
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} files could not be published`)
  }
}
