import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The regular files below a directory, by their paths relative to it; temporary ones of DYAD are
 * none.
 */
export async function* filesBelow(directory: string, prefix = ''): AsyncIterableIterator<string> {
  for await (const entry of await opendir(join(directory, prefix))) {
    const name = `${prefix}${entry.name}`
    if (entry.isDirectory()) yield* filesBelow(directory, `${name}/`)
    else if (entry.isFile() && !entry.name.startsWith('.dyad-')) yield name
  }
}
