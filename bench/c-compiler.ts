import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NotAvailable } from './part.js'
import type { Site } from './site.js'

/**
 * Compiles a C file of the bench; returns the path of the program, which goes with the site. It
 * lies in the directory for temporary files, since a tmpfs for shared memory may forbid to execute.
 * NotAvailable without `cc`.
 * @param source path below `bench`
 */
export async function compile(site: Site, source: string, flags: readonly string[] = []): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'dyad-bench-cc-'))
  site.defer(() => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'program')
  const path = fileURLToPath(new URL(`../${source}`, import.meta.url))
  try {
    await site.run('cc', ['-std=c11', '-O2', ...flags, '-o', program, path])
    return program
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new NotAvailable('there is no C compiler on this host: `cc` is not found')
  }
}
