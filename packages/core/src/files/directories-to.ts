import { dirname } from 'node:path'

/**
 * The directories on the way from `root`, which is the first of them, to the file at `path` below
 * it.
 */
export function directoriesTo(path: string, root: string): string[] {
  const directory = dirname(path)
  return directory.length <= root.length ? [root] : [...directoriesTo(directory, root), directory]
}
