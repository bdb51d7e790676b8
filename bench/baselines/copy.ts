import { rmSync } from 'node:fs'
import type { BenchFile } from '../contents.js'
import { MiB } from '../part.js'
import type { Site } from '../site.js'

/**
 * Copies the files of a directory as a user would, with `cp --reflink=auto`; resolves with MiB/s.
 */
export async function copy(site: Site, from: string, files: readonly BenchFile[]): Promise<number> {
  const target = site.empty('copy')
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  try {
    const began = performance.now()
    await site.run('cp', ['--reflink=auto', '--', ...files.map(({ path }) => `${from}/${path}`), target])
    return bytes / MiB / ((performance.now() - began) / 1000)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}
