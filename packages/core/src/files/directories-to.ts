import { dirname } from 'node:path'

/** The directories that lead from `root`, which is the first of them, to what is below it. */
export function directoriesTo(path: string, root: string): string[] {
  const directory = dirname(path)
  return directory.length <= root.length ? [root] : [...directoriesTo(directory, root), directory]
}
