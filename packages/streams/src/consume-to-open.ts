import { constants } from 'node:fs'
import type { ConsumeOptions, DyadCore } from '@dyad-ts/core'
import { assertUnmanaged } from './unmanaged.js'

const { O_CREAT, O_EXCL, O_TRUNC } = constants

/**
 * Prepares a path for an open for reading, and resolves with the path to open. An absolute path
 * outside the managed directory stays as it is. Flags that need an existing file wait until it is
 * published. Flags that create a missing file do not wait: a published file is fetched, and others
 * are left to be created. Flags that empty or exclude the file fetch nothing. Errors are those of
 * DyadCore.consume.
 */
export async function consumeToOpen(
  core: DyadCore,
  path: string | URL,
  flags: number,
  options: ConsumeOptions,
): Promise<string | URL> {
  const file = await core.locateConsumed(path)
  if (file === undefined) {
    assertUnmanaged(core, path, 'consumer')
    return path
  }
  if (flags & (O_TRUNC | O_EXCL)) return file.local
  if (!(flags & O_CREAT)) return core.consume(file.local, options)
  const record = await core.lookup(file.local, { ...options, wait: false })
  return record === undefined ? file.local : core.consumeRecord(file.local, record, options)
}
