import { constants } from 'node:fs'
import type { ConsumeOptions, DyadCore } from '@dyad/core'

const { O_CREAT, O_EXCL, O_TRUNC } = constants

/**
 * Makes a path ready to be opened for reading, and resolves with what to open: the path itself if it is none of DYAD's business. Flags that need the file to
 * exist wait for it. Those that create a missing one wait for nobody: what is published is brought here, and what is not is left to be created. Those that want
 * the file empty or absent bring nothing. Errors are those of DyadCore.consume.
 */
export async function consumeToOpen(
  core: DyadCore,
  path: string | URL,
  flags: number,
  options: ConsumeOptions,
): Promise<string | URL> {
  const file = await core.locateConsumed(path)
  if (file === undefined) return path
  if (flags & (O_TRUNC | O_EXCL)) return file.local
  if (!(flags & O_CREAT)) return core.consume(file.local, options)
  const record = await core.lookup(file.local, { wait: false, signal: options.signal })
  return record === undefined ? file.local : core.consumeRecord(file.local, record, options)
}
