import { constants, lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { standingAside } from '../aside.js'
import { DyadError, isDyadError } from '../errors.js'
import type { FileDigest } from '../files/digest.js'
import { namingFile } from '../files/naming-file.js'
import type { StoringParent, StoringParents } from '../files/storing-parents.js'
import type { Temporaries } from '../files/temporaries.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import type { WrittenFile } from './describe.js'
import { followLinks } from './follow-links.js'
import { StagedTemporary } from './staged-temporary.js'

/**
 * A file that is being written, and that no consumer sees yet. The caller writes to `path`, opened
 * with `flags`, until `publish` or `discard` ends it. A file that is written anew is a temporary
 * one beside its target; an existing file is changed in its place.
 */
export interface StagedFile {
  /** The path to open, and the flags to open it with. */
  readonly path: string
  readonly flags: number
  /**
   * A descriptor of a file that did not exist before, open for reading and writing. It stays the
   * staged file's: a caller that writes through it need not open `path`, and does not close it.
   */
  readonly fd?: number | undefined
  /**
   * Puts the written, closed file in its place and publishes it; with the option `asyncPublish` it
   * resolves without a record, and does not wait for the store.
   * @param digest of all bytes of the file, if the writer knows it; without effect where a file was
   *   changed in its place
   */
  publish(digest?: FileDigest): Promise<FileRecord | undefined>
  /** Removes the written file, unless it was changed in its place. */
  discard(): Promise<void>
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC } = constants
const ACCESS = O_RDONLY | O_WRONLY | O_RDWR

/** Returns whether files opened with these flags can be written to. */
export function writes(flags: number): boolean {
  return (flags & ACCESS) !== O_RDONLY
}

/** Returns whether files opened with these flags can be read. */
export function reads(flags: number): boolean {
  return (flags & ACCESS) !== O_WRONLY
}

/** The part of a session that staging uses. */
export interface StagingPlace {
  readonly parents: StoringParents
  readonly temporaries: Temporaries
  /** Files up to this many bytes travel in their records. */
  readonly inlineLimit: number
}

/**
 * Stages a file of the producer-managed directory for writing. Its calls are synchronous: each
 * takes a few microseconds, and a tenth of what it would through the thread pool. A symbolic link
 * at the path is followed, as open(2) does, where it stays in the directory. A file that is written
 * anew replaces the former one: other hard links of that keep their content. Fails as open(2)
 * would: EEXIST where `flags` have O_EXCL and there is one, ENOENT where they lack O_CREAT and
 * there is none, EISDIR for a directory. ERR_DYAD_PATH for a device, a pipe or a socket, which
 * cannot be published, and where a link leads out of the directory.
 */
export function stage(
  file: ManagedFile,
  flags: number,
  mode: number,
  place: StagingPlace,
  publish: (written: WrittenFile | undefined) => Promise<FileRecord | undefined>,
): StagedFile {
  const found = lstatSync(file.local, { throwIfNoEntry: false })
  if (found !== undefined && flags & O_EXCL) throw systemError('EEXIST', 'file already exists', file.local)
  const target = found?.isSymbolicLink() ? followLinks(file) : file.local
  const existing = found?.isSymbolicLink() ? statSync(target, { throwIfNoEntry: false }) : found
  if (existing === undefined && !(flags & O_CREAT)) throw systemError('ENOENT', 'no such file or directory', file.local)
  if (existing?.isDirectory()) throw systemError('EISDIR', 'illegal operation on a directory', file.local)
  if (existing?.isFile() === false) throw new DyadError('ERR_DYAD_PATH', { path: file.path, detail: NOT_REGULAR })
  const parent = enter(file, target, place.parents)
  if (existing !== undefined && !(flags & O_TRUNC)) {
    parent[Symbol.dispose]()
    return { path: file.local, flags, publish: () => publish(undefined), discard: async () => {} }
  }
  const staged = new StagedTemporary(place.temporaries, parent, target, mode, existing)
  return {
    path: staged.path,
    // The permissions of a file that exists say whether this process may write to it.
    fd: existing === undefined ? staged.fd : undefined,
    flags: flags & ~(O_TRUNC | O_CREAT | O_EXCL),
    publish: async (digest) => {
      const { looks, bytes } = standingAside(() => placed(staged, (flags & O_EXCL) !== 0, place.inlineLimit, file))
      return publish(digest && { digest, looks, bytes })
    },
    discard: async () => standingAside(() => staged.discard()),
  }
}

/** Puts the file in its place. A failure names the file, and not the temporary one. */
function placed(staged: StagedTemporary, isExclusive: boolean, smallBytes: number, { local }: ManagedFile) {
  try {
    return staged.place(isExclusive, smallBytes)
  } catch (error) {
    throw namingFile(error, local)
  }
}

const NOT_REGULAR = 'not a regular file, so that it could not be published; nothing was written to it'

/** The directory of the target, which must lie in the managed one. */
function enter(file: ManagedFile, target: string, parents: StoringParents): StoringParent {
  try {
    return parents.enter(dirname(target))
  } catch (error) {
    if (isDyadError(error)) throw new DyadError('ERR_DYAD_PATH', { path: file.path, detail: error.detail })
    throw error
  }
}

function systemError(code: string, text: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${text}, open '${path}'`), { code, syscall: 'open', path })
}
