/** Most names, of all directories together. The oldest is forgotten first. */
const MOST = 100_000

/** A bounded set of files of managed directories. */
export class NotedFiles {
  readonly #most: number
  readonly #files = new Set<string>()

  constructor(most = MOST) {
    this.#most = most
  }

  note(directory: string | undefined, name: string): void {
    const file = fileOf(directory, name)
    this.#files.delete(file)
    this.#files.add(file)
    if (this.#files.size <= this.#most) return
    for (const oldest of this.#files) {
      this.#files.delete(oldest)
      return
    }
  }

  forget(directory: string | undefined, name: string): void {
    this.#files.delete(fileOf(directory, name))
  }

  has(directory: string | undefined, name: string): boolean {
    return this.#files.size > 0 && this.#files.has(fileOf(directory, name))
  }
}

function fileOf(directory = '', name: string): string {
  return `${directory}\0${name}`
}
