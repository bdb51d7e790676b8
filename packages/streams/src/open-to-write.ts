import type { DyadCore, StagedFile, Waiting } from '@dyad-ts/core'
import { withDescriptors, writes } from '@dyad-ts/core/internal'
import { asOpenError } from './open-error.js'
import { assertUnmanaged } from './unmanaged.js'

/** A file that was opened to write to a path. The caller closes it. */
export interface OpenedToWrite<Opened> {
  readonly opened: Awaited<Opened>
  /** Whether it is written anew, and invisible until it is published. */
  readonly isNew: boolean
  /** Publishes or discards the file. Undefined if the file is not managed. */
  readonly staged: StagedFile | undefined
}

/**
 * Opens a path of the system.
 * @param isNew whether the file is written anew, and invisible to others
 * @param fd a descriptor of it that stays the staged file's, if there is one
 */
export type Open<Opened> = (path: string | URL, flags: number, isNew: boolean, fd?: number) => Opened

/**
 * Opens a path with these flags, for writing or not, and this mode, 0o666 by default. It calls
 * `open` with the path to open instead. Fails as open(2) would for the given path. ERR_DYAD_PATH,
 * ERR_DYAD_UNTRACKED.
 */
export async function openToWrite<Opened>(
  core: DyadCore,
  path: string | URL,
  flags: number,
  mode: number | undefined,
  waiting: Waiting,
  open: Open<Opened>,
): Promise<OpenedToWrite<Opened>> {
  const file = await core.locateProduced(path)
  if (file === undefined) {
    assertUnmanaged(core, path, 'producer')
    const opened = await withDescriptors(() => open(path, flags, false), waiting.signal)
    return { opened, isNew: false, staged: undefined }
  }
  try {
    if (!writes(flags)) {
      const opened = await withDescriptors(() => open(file.local, flags, false), waiting.signal)
      return { opened, isNew: false, staged: undefined }
    }
    const isNew = (staged: StagedFile) => staged.path !== file.local
    const openStaged = (staged: StagedFile) => open(staged.path, staged.flags, isNew(staged), staged.fd)
    const { staged, opened } = await core.stage(file, flags, mode, openStaged, waiting)
    return { opened, isNew: isNew(staged), staged }
  } catch (error) {
    throw asOpenError(error, file.local)
  }
}
