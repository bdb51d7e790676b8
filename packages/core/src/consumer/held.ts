import { hash } from 'node:crypto'
import { type BigIntStats, lstatSync, readlinkSync, statSync, symlinkSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeDirectory } from '../files/make-directory.js'
import { type FileRecord, type Generation, isSameGeneration } from '../kvs/record.js'
import type { ManagedDirectory, ManagedFile } from '../managed-directory.js'
import { checkStateDirectory, prepareStateDirectory } from '../user/state-directory.js'

/**
 * Version, epoch, generation to the base 36, and a digest; shorter than the 60 bytes that ext4 and
 * XFS keep in the inode itself.
 */
const NOTE = /^2:([\w-]{0,16}):([0-9a-z]{1,11}):([\w-]{32})$/

/** Notes that are kept in memory as well. */
const MOST_RECENT = 4_096

/** The note of a file. */
interface Note {
  readonly file: ManagedFile
  readonly of: Generation
  readonly stats: Looks
}

/**
 * The attributes of a file that differ after every change: another file, other bytes, other times.
 */
type Looks = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>

/**
 * The files that this node holds, in notes outside the managed directory: which generation of a
 * file was stored, and the attributes of the stored file. A file without a matching note, left by
 * an earlier run or changed since, is not held. Losing a note costs a transfer and nothing else.
 *
 * A note is the text of a symbolic link that leads nowhere: one system call writes it whole or not
 * at all, and one reads it. A few microseconds each, they are made synchronously, since a hop to
 * the thread pool costs ten times as much.
 */
export class HeldFiles {
  readonly #stateDir: string
  readonly #notes: string
  readonly #scope: string
  /** In the order that they are to be written in. */
  readonly #unwritten: Note[] = []
  /** The notes of this process, by path, so that it need not read them back. */
  readonly #recent = new Map<string, Note>()

  /**
   * @param stateDir where this node keeps its state
   * @param directory the managed directory
   * @param scope names store and namespace, so that generations of different ones are never
   *   compared
   */
  private constructor(stateDir: string, directory: ManagedDirectory, scope: string) {
    this.#stateDir = stateDir
    this.#notes = join(stateDir, 'held', hash('sha256', directory.real).slice(0, 40))
    this.#scope = scope
  }

  /** Opens the notes of a directory, where they can be read and made. ERR_DYAD_OPTION. */
  static async open(stateDir: string, directory: ManagedDirectory, scope: string): Promise<HeldFiles> {
    prepareStateDirectory(stateDir)
    return new HeldFiles(stateDir, directory, scope)
  }

  /**
   * The generation of the file that stands whole at its place now, or undefined if that is not
   * known.
   */
  generation(file: ManagedFile): Generation | undefined {
    try {
      const now = statSync(file.local, { bigint: true, throwIfNoEntry: false })
      if (now === undefined) return undefined
      const recent = this.#recent.get(file.path)
      if (recent !== undefined && isSame(recent.stats, now)) return recent.of
      // Systems remove directories for state, and another user may make one of that name.
      checkStateDirectory(this.#stateDir)
      const [, epoch, generation = '', looks] = NOTE.exec(readlinkSync(this.#noteOf(file))) ?? []
      if (looks !== this.#looks(file, now)) return undefined
      return { generation: Number.parseInt(generation, 36), epoch: epoch === '' ? undefined : epoch }
    } catch {
      return undefined
    }
  }

  /**
   * Notes that the record's file is in place and looks like `stats`, which are of that very file:
   * the note does not vouch for another one that stands there by now. The note is written once the
   * caller goes on, which most likely waits for the store then. If writing fails, the file does not
   * count as held.
   */
  add(file: ManagedFile, { generation, epoch }: FileRecord, stats: BigIntStats | undefined): void {
    if (stats === undefined) return
    const note = { file, of: { generation, epoch }, stats }
    if (this.#unwritten.length === 0) setImmediate(() => this.write())
    this.#unwritten.push(note)
    this.#keep(note)
  }

  /** As `add`, for this process alone. Other processes compare the bytes of the file. */
  remember(file: ManagedFile, { generation, epoch }: FileRecord, stats: BigIntStats): void {
    const { dev, ino, size, mtimeNs, ctimeNs } = stats
    this.#keep({ file, of: { generation, epoch }, stats: { dev, ino, size, mtimeNs, ctimeNs } })
  }

  /** Returns whether this process put the record's file there, whatever stands there now. */
  remembers({ path }: ManagedFile, record: FileRecord): boolean {
    const recent = this.#recent.get(path)
    return recent !== undefined && isSameGeneration(recent.of, record)
  }

  /**
   * Returns whether this process put the record's file there, and its attributes are those of
   * `now`.
   */
  isRemembered(file: ManagedFile, record: FileRecord, now: BigIntStats): boolean {
    const recent = this.#recent.get(file.path)
    return recent !== undefined && isSameGeneration(recent.of, record) && isSame(recent.stats, now)
  }

  /** Writes the notes that are not written yet. */
  write(): void {
    const notes = this.#unwritten.splice(0)
    if (notes.length === 0 || !this.#hasDirectory()) return
    for (const { file, of, stats } of notes) {
      try {
        const { generation, epoch = '' } = of
        replaceLink(`2:${epoch}:${generation.toString(36)}:${this.#looks(file, stats)}`, this.#noteOf(file))
      } catch {
        // A full disk of the state is no reason to fail an open: the file is there.
      }
    }
  }

  /**
   * Makes the directory for state if it is missing, and returns whether only this user can write to
   * it.
   */
  #hasDirectory(): boolean {
    for (const check of [checkStateDirectory, prepareStateDirectory]) {
      try {
        check(this.#stateDir)
        return true
      } catch {
        // Missing, or not ours.
      }
    }
    return false
  }

  #keep(note: Note): void {
    const { path } = note.file
    if (!this.#recent.has(path) && this.#recent.size >= MOST_RECENT) {
      for (const oldest of this.#recent.keys()) {
        this.#recent.delete(oldest)
        break
      }
    }
    this.#recent.set(path, note)
  }

  #noteOf(file: ManagedFile): string {
    const name = hash('sha256', file.path)
    return `${this.#notes}/${name.slice(0, 2)}/${name.slice(2, 40)}`
  }

  #looks({ path }: ManagedFile, { dev, ino, size, mtimeNs, ctimeNs }: Looks): string {
    return hash('sha256', [this.#scope, path, dev, ino, size, mtimeNs, ctimeNs].join('\0'), 'base64url').slice(0, 32)
  }
}

/** Returns whether both are of one file that did not change in between. */
function isSame(a: Looks, b: Looks): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.dev === b.dev
}

function replaceLink(text: string, path: string): void {
  for (;;) {
    // To look first costs less than the error of a call that fails.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) unlinkSync(path)
    try {
      symlinkSync(text, path)
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') makeDirectory(dirname(path), 0o700)
      // Somebody else notes the same file.
      else if (code !== 'EEXIST') throw error
    }
  }
}
