/** Trees that node:fs is removing, file by file. */
export class RemovedTrees {
  readonly #roots: string[] = []

  begin(root: string): void {
    this.#roots.push(root)
  }

  end(root: string): void {
    const index = this.#roots.indexOf(root)
    if (index !== -1) this.#roots.splice(index, 1)
  }

  /** Returns true if a path is such a tree, or in one. */
  isBeingRemoved(path: string): boolean {
    return this.#roots.some(
      (root) => path.startsWith(root) && (path.length === root.length || path[root.length] === '/'),
    )
  }
}
