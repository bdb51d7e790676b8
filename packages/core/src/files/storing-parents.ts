import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { DyadError } from '../errors.js'
import { userId } from '../user/user-id.js'
import { descriptorPath, hasDescriptorPaths, O_PATH } from './descriptor-path.js'
import { isOnLocalFileSystem } from './local-file-system.js'
import { makeDirectory } from './make-directory.js'
import { makeTrustedDirectory } from './trusted-place.js'

/** Directories that are kept in mind. */
const MOST_KNOWN = 1024
const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * A directory below a managed one, in which a session puts files. The caller that entered it
 * disposes of it.
 */
export interface StoringParent extends Disposable {
  /** For system calls: leads to this very directory as long as it is not left. */
  readonly path: string
  /** Where it stood when it was entered: absolute, links resolved. */
  readonly real: string
  /** Whether others could exchange a directory on the way there for another. */
  readonly isExposed: boolean
  /** Whether its file system belongs to this host alone, so that closing a file loses nothing. */
  readonly isLocal: boolean
}

/** A directory that was proved, and what it looked like then. */
interface Known {
  readonly parent: StoringParent
  readonly looks: Pick<BigIntStats, 'dev' | 'ino' | 'uid' | 'mode'>
  /** Whether only this user and root could put anything there. */
  readonly isOwn: boolean
}

/**
 * The directories below a managed one in which files are stored. Each is proved to lie there, once
 * links are resolved, before anything is made in it. Where others than this user and root could
 * exchange a part of the way for a link, files are put there by a descriptor of the directory that
 * was proved, and not by its path.
 */
export class StoringParents {
  readonly #root: string
  readonly #known = new Map<string, Known>()

  /** @param root the managed directory, with links resolved */
  constructor(root: string) {
    this.#root = root
  }

  /**
   * Enters a directory of the managed one, which is made if it is missing. ERR_DYAD_STORE if a link
   * leads it out, and the system's own errors.
   */
  enter(directory: string): StoringParent {
    const known = this.#known.get(directory)
    if (known !== undefined) {
      const now = statSync(directory, { bigint: true, throwIfNoEntry: false })
      if (now !== undefined && isSame(now, known.looks)) return known.parent
    }
    return hasDescriptorPaths ? this.#prove(directory) : this.#resolve(directory)
  }

  /**
   * Whether only this user and root could put anything into a directory when it was entered last;
   * false if that was long ago.
   */
  isOwn(directory: string): boolean {
    return this.#known.get(directory)?.isOwn === true
  }

  #prove(directory: string): StoringParent {
    const fd = this.#open(directory)
    try {
      const path = descriptorPath(fd)
      const real = readlinkSync(path)
      if (real !== directory || isExposed(directory)) {
        const isLocal = isOnLocalFileSystem(path)
        return { path, real, isExposed: true, isLocal, [Symbol.dispose]: () => closeSync(fd) }
      }
      const parent = this.#remember(directory, fstatSync(fd, { bigint: true }))
      closeSync(fd)
      return parent
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  /** A descriptor of a directory that lies in the managed one. */
  #open(directory: string): number {
    const flags = O_PATH | constants.O_DIRECTORY
    let fd: number
    try {
      fd = openSync(directory, flags)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      this.#make(directory)
      fd = openSync(directory, flags)
    }
    const real = readlinkSync(descriptorPath(fd))
    if (this.#holds(real)) return fd
    closeSync(fd)
    throw ledOut(directory, real)
  }

  #make(directory: string): void {
    if (directory === this.#root) {
      makeTrustedDirectory(directory)
      return
    }
    const above = this.#open(dirname(directory))
    try {
      mkdirSync(`${descriptorPath(above)}/${basename(directory)}`)
    } catch (error) {
      // Somebody else was faster, or a link that leads nowhere stands there.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      closeSync(above)
    }
  }

  /** As far as it goes where descriptors have no paths. */
  #resolve(directory: string): StoringParent {
    makeDirectory(directory)
    const real = realpathSync.native(directory)
    if (!this.#holds(real)) throw ledOut(directory, real)
    return this.#remember(directory, statSync(directory, { bigint: true }), real)
  }

  #remember(path: string, { dev, ino, uid, mode }: BigIntStats, real = path): StoringParent {
    const isLocal = isOnLocalFileSystem(path)
    const parent = { path, real, isExposed: false, isLocal, [Symbol.dispose]: () => {} }
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    const isOwn = isOurs(Number(uid)) && !(Number(mode) & OTHERS_WRITE)
    this.#known.set(path, { parent, looks: { dev, ino, uid, mode }, isOwn })
    return parent
  }

  #holds(directory: string): boolean {
    return directory === this.#root || directory.startsWith(this.#root === '/' ? '/' : `${this.#root}/`)
  }
}

/** The path, for system calls, of something in a directory that was entered. */
export function within({ path }: StoringParent, file: string): string {
  return path === dirname(file) ? file : `${path}/${basename(file)}`
}

/** Whether it is the same directory, with the same owner and permissions. */
function isSame(a: Known['looks'], b: Known['looks']): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.mode === b.mode && a.uid === b.uid
}

/**
 * Whether another user could exchange a directory on this way for something else. They could if
 * they own a directory that holds one of them, or may write to it and the sticky bit does not keep
 * them from removing entries of others.
 */
function isExposed(directory: string): boolean {
  let at = directory
  for (let found = lstatSync(at); at !== '/'; ) {
    const holder = lstatSync(dirname(at))
    if (!isOurs(holder.uid)) return true
    if (holder.mode & OTHERS_WRITE && !(holder.mode & STICKY && isOurs(found.uid))) return true
    at = dirname(at)
    found = holder
  }
  return false
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === userId()
}

function ledOut(directory: string, real: string): DyadError {
  const detail = `a link leads its directory out of the managed one, to ${real}`
  return new DyadError('ERR_DYAD_STORE', { path: directory, detail })
}
