/** The subject of work: a path, or all paths below it as well. */
export interface Claim {
  readonly path: string
  readonly isTree: boolean
}

interface Tree {
  readonly path: string
  readonly running: Promise<unknown>
}

/**
 * Runs work on one path in the order of the requests, and work on different paths at once. Work on
 * a directory is work on every path below it.
 */
export class PathOrder {
  /** The last work under way of each path. */
  readonly #last = new Map<string, Promise<unknown>>()
  /** Work under way on directories. */
  readonly #trees = new Set<Tree>()

  /** Runs `work` after all earlier work that shares a claim has settled. Settles as `work` does. */
  async run<T>(claims: readonly Claim[], work: () => Promise<T>): Promise<T> {
    const earlier = claims.flatMap((claim) => this.#before(claim))
    const running = earlier.length === 0 ? work() : Promise.allSettled(earlier).then(work)
    const trees: Tree[] = []
    for (const { path, isTree } of claims) {
      if (isTree) trees.push({ path, running })
      else this.#last.set(path, running)
    }
    for (const tree of trees) this.#trees.add(tree)
    try {
      return await running
    } finally {
      for (const { path } of claims) if (this.#last.get(path) === running) this.#last.delete(path)
      for (const tree of trees) this.#trees.delete(tree)
    }
  }

  /** Returns the work under way that a claim waits for. */
  #before({ path, isTree }: Claim): Promise<unknown>[] {
    const found: Promise<unknown>[] = []
    const last = this.#last.get(path)
    if (last !== undefined) found.push(last)
    for (const tree of this.#trees) {
      if (contains(tree.path, path) || (isTree && contains(path, tree.path))) found.push(tree.running)
    }
    if (isTree) {
      for (const [other, running] of this.#last) if (other !== path && contains(path, other)) found.push(running)
    }
    return found
  }
}

/** Returns true if a path is the directory itself or below it. */
function contains(directory: string, path: string): boolean {
  return path.startsWith(directory) && (path.length === directory.length || path[directory.length] === '/')
}
