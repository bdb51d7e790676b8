import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Yields the regular files below a directory, by their paths relative to it, without DYAD's
 * temporary files.
 */
export async function* filesBelow(directory: string, prefix = ''): AsyncIterableIterator<string> {
  for await (const entry of await opendir(join(directory, prefix))) {
    const name = `${prefix}${entry.name}`
    if (entry.isDirectory()) yield* filesBelow(directory, `${name}/`)
    else if (entry.isFile() && !entry.name.startsWith('.dyad-')) yield name
  }
}
