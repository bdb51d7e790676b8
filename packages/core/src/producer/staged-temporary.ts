import { closeSync, fchmodSync, fstatSync, linkSync, openSync, renameSync, type Stats, unlinkSync } from 'node:fs'
import { descriptorClosed } from '../files/descriptors.js'
import { lacksLinks } from '../files/lacks-links.js'
import { type StoringParent, within } from '../files/storing-parents.js'
import type { Temporaries, Temporary } from '../files/temporaries.js'
import { looksOf, readSmall, type WrittenFile } from './describe.js'

/** The rights that the writer needs to open the file by its name. */
const OWNER_WRITES = 0o600
/**
 * A temporary file that its writer opens by its name and closes before it is in place, or writes by
 * the descriptor that holds its lock. The maker ends it by `place` or `discard`.
 */
export class StagedTemporary {
  readonly #temporaries: Temporaries
  readonly #temporary: Temporary
  readonly #target: string
  readonly #parent: StoringParent
  /** The mode to restore, where the writer would not have been allowed to open the file. */
  #mode: { readonly wanted: number; readonly lent: number } | undefined
  #isOpen = true

  /**
   * @param parent the directory of `target`, which is left once this ends
   * @param mode permissions of a new file, less the process's umask
   * @param existing the file that stands at `target`, whose permissions are kept
   */
  constructor(
    temporaries: Temporaries,
    parent: StoringParent,
    target: string,
    mode: number,
    existing: Stats | undefined,
  ) {
    this.#temporaries = temporaries
    this.#parent = parent
    this.#target = target
    try {
      this.#temporary = temporaries.create(target, existing === undefined ? mode : OWNER_WRITES, parent)
    } catch (error) {
      parent[Symbol.dispose]()
      throw error
    }
    try {
      this.#setMode(existing)
    } catch (error) {
      this.discard()
      throw error
    }
  }

  get path(): string {
    return this.#temporary.path
  }

  /**
   * The descriptor that holds the lock, where a writer may use it: a network file system may report
   * a failed write as the file is closed, which has to be before it is in its place.
   */
  get fd(): number | undefined {
    return this.#parent.isLocal ? this.#temporary.fd : undefined
  }

  /**
   * Puts the file, which its writer has closed, in its place, and returns its attributes, with its
   * bytes if there are `smallBytes` of them at most. EEXIST if `isExclusive` and something stands
   * there.
   */
  place(isExclusive: boolean, smallBytes = 0): Pick<WrittenFile, 'looks' | 'bytes'> {
    const { fd, path } = this.#temporary
    const target = within(this.#parent, this.#target)
    this.#restoreMode(fd)
    // Before others see the file: what they append to it is not what was written here.
    const looks = looksOf(fstatSync(fd, { bigint: true }))
    const bytes = smallBytes > 0 && looks.size <= smallBytes ? readSmall(fd, Number(looks.size)) : undefined
    if (isExclusive) placeNew(path, target)
    else renameSync(path, target)
    this.#close()
    return { looks, bytes }
  }

  /** Removes the file, unless it is in its place. */
  discard(): void {
    if (!this.#isOpen) return
    try {
      this.#temporaries.remove(this.#temporary.path)
    } finally {
      this.#close()
    }
  }

  /**
   * Writing anew over a file keeps its permissions, as truncating it would. The file has them
   * before it is opened, so that a user that may not write to the one may not write to the other
   * either, and the writer may change them.
   */
  #setMode(existing: Stats | undefined): void {
    const { fd, mode: wanted } = this.#temporary
    if (existing !== undefined) {
      fchmodSync(fd, existing.mode & 0o7777)
      return
    }
    if ((wanted & OWNER_WRITES) === OWNER_WRITES) return
    this.#mode = { wanted, lent: wanted | OWNER_WRITES }
    fchmodSync(fd, this.#mode.lent)
  }

  /** The writer may have given the file other permissions meanwhile. */
  #restoreMode(fd: number): void {
    if (this.#mode !== undefined && (fstatSync(fd).mode & 0o7777) === this.#mode.lent) {
      fchmodSync(fd, this.#mode.wanted)
    }
  }

  #close(): void {
    this.#isOpen = false
    try {
      closeSync(this.#temporary.fd)
    } finally {
      descriptorClosed()
      this.#parent[Symbol.dispose]()
    }
  }
}

/** Unlike a rename, a link fails where somebody else was faster. */
function placeNew(path: string, target: string): void {
  try {
    linkSync(path, target)
  } catch (error) {
    if (!lacksLinks(error)) throw error
    // The process that makes the file that is replaced here was first. A process that is killed in
    // between leaves it empty.
    closeSync(openSync(target, 'wx', OWNER_WRITES))
    renameSync(path, target)
    return
  }
  unlinkSync(path)
}
