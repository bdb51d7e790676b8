import { constants, realpathSync, statSync } from 'node:fs'
import type { FileDigest } from '../digest.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import type { Temporaries } from '../temporaries.js'
import type { WrittenFile } from './describe.js'
import { StagedTemporary } from './staged-temporary.js'

/**
 * A file being written that nobody sees yet: writing goes to `path`, opened with `flags`, until either `publish` or `discard` ends it.
 * A file that is written anew is a temporary one beside its target; one that is changed is changed in its place.
 */
export interface StagedFile {
  /** What to open, and how. */
  readonly path: string
  readonly flags: number
  /**
   * Puts the written, closed file in its place and publishes it; resolves without a record where publishing is not waited for.
   * @param digest of all bytes of the file, if whoever wrote it knows; of no effect where a file was changed in its place
   */
  publish(digest?: FileDigest): Promise<FileRecord | undefined>
  /** Removes what was written, unless it changed a file in its place. */
  discard(): Promise<void>
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC } = constants
const ACCESS = O_RDONLY | O_WRONLY | O_RDWR

/** Whether files opened with these flags can be written to. */
export function writes(flags: number): boolean {
  return (flags & ACCESS) !== O_RDONLY
}

/** Whether files opened with these flags can be read. */
export function reads(flags: number): boolean {
  return (flags & ACCESS) !== O_WRONLY
}

/**
 * Stages a file of the producer-managed directory for writing. Its calls are synchronous: each takes a few microseconds, and a tenth of what it would through the thread pool. Fails as open(2) would: EEXIST where `flags` have O_EXCL and there is one,
 * ENOENT where they lack O_CREAT and there is none, EISDIR for a directory.
 */
export function stage(
  file: ManagedFile,
  flags: number,
  mode: number,
  temporaries: Temporaries,
  publish: (written?: WrittenFile) => Promise<FileRecord | undefined>,
): StagedFile {
  const existing = statSync(file.local, { throwIfNoEntry: false })
  if (existing !== undefined && flags & O_EXCL) throw systemError('EEXIST', 'file already exists', file.local)
  if (existing === undefined && !(flags & O_CREAT)) throw systemError('ENOENT', 'no such file or directory', file.local)
  if (existing?.isDirectory()) throw systemError('EISDIR', 'illegal operation on a directory', file.local)
  const changesInPlace = existing !== undefined && !(flags & O_TRUNC)
  if (changesInPlace) return { path: file.local, flags, publish: () => publish(), discard: async () => {} }

  // As with open(2), what is written through a symbolic link lands where it leads.
  const target = existing === undefined ? file.local : realpathSync.native(file.local)
  const staged = new StagedTemporary(temporaries, target, mode, existing)
  return {
    path: staged.path,
    flags: flags & ~(O_TRUNC | O_CREAT | O_EXCL),
    publish: async (digest) => {
      const stat = staged.place((flags & O_EXCL) !== 0)
      return publish(digest && { digest, stat })
    },
    discard: async () => staged.discard(),
  }
}

function systemError(code: string, text: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${text}, open '${path}'`), { code, syscall: 'open', path })
}
