import { type DyadCore, type StagedFile, type Waiting, writes } from '@dyad/core'
import { asOpenError } from './open-error.js'
import { assertUnmanaged } from './unmanaged.js'

/** What to open to write to a path. */
export interface Staging {
  readonly path: string | URL
  readonly flags: number
  /** Whether it is written anew, and nobody sees it before it is published. */
  readonly isNew: boolean
  /** What publishing it takes; undefined if it is none of DYAD's business. */
  readonly staged: StagedFile | undefined
  /** The same failure to open, of the path that was asked for. */
  explain(error: unknown): unknown
}

/**
 * Stages a path for opening with these flags, which may or may not write, and this mode, 0o666 by default. Fails as open(2) would.
 * ERR_DYAD_PATH, ERR_DYAD_UNTRACKED.
 */
export async function stageToOpen(
  core: DyadCore,
  path: string | URL,
  flags: number,
  mode: number | undefined,
  waiting: Waiting,
): Promise<Staging> {
  const file = await core.locateProduced(path)
  if (file === undefined) {
    assertUnmanaged(core, path, 'producer')
    return { path, flags, isNew: false, staged: undefined, explain: (error) => error }
  }
  const explain = (error: unknown) => asOpenError(error, file.local)
  if (!writes(flags)) return { path: file.local, flags, isNew: false, staged: undefined, explain }
  try {
    const staged = await core.stage(file, flags, mode, waiting)
    return { path: staged.path, flags: staged.flags, isNew: staged.path !== file.local, staged, explain }
  } catch (error) {
    throw explain(error)
  }
}
