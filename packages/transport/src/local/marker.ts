import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { isDyadError, type SourceDirectory } from '@dyad-ts/core'
import {
  checkStateDirectory,
  hasFileLocks,
  isShortage,
  makeDirectory,
  openRegular,
  prepareStateDirectory,
  reasonOf,
  tryLock,
  userId,
} from '@dyad-ts/core/internal'

/**
 * The name begins as those of temporary files do, which nobody can publish: were the directory for
 * state below a consumer-managed directory, a consumer would still never store a marker for others.
 */
const PREFIX = '.dyad-local-'
const MAX_BYTES = 1024 * 1024
/**
 * How long the marker of a dead service stays, in ms. Until the lease of its node ends, consumers
 * read its address in the registry, and the marker tells them that a new service may take its
 * place.
 */
const KEEP_MS = 60 * 60 * 1000
/** Why the marker of a service that has ended proves nothing. */
export const ENDED = 'its service has ended'
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants

/** What a marker says. */
interface Marked {
  readonly host: string
  readonly directories: readonly SourceDirectory[]
}

/**
 * A file in the directory for state that says which directories a service serves. Only the user of
 * that directory can write it, so whoever reads it there knows that a process of the same user,
 * which has the same rights, serves them. An entry of the registry could name any directory, and
 * have a consumer of more rights copy files that their alleged owner may not read.
 */
export class Marker {
  /** What the address names it by. */
  readonly name: string
  readonly #path: string
  readonly #fd: number
  #isRemoved = false

  private constructor(name: string, path: string, fd: number) {
    this.name = name
    this.#path = path
    this.#fd = fd
  }

  /**
   * Makes a marker, which the caller removes, and removes those of services that were killed more
   * than an hour ago. ERR_DYAD_OPTION if the directory for state cannot be used.
   */
  static async make(stateDir: string, marked: Marked): Promise<Marker> {
    prepareStateDirectory(stateDir)
    const folder = folderOf(stateDir)
    makeDirectory(folder, 0o700)
    sweep(folder)
    let marker: Marker | undefined
    while (marker === undefined) marker = Marker.#tryMake(folder, marked)
    return marker
  }

  /**
   * Returns undefined if the sweep of another service took the marker for a dead one before it was
   * locked.
   */
  static #tryMake(folder: string, marked: Marked): Marker | undefined {
    const name = randomBytes(16).toString('hex')
    const path = join(folder, `${PREFIX}${name}`)
    const marker = new Marker(name, path, openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600))
    try {
      // The kernel takes the lock away with the process, however that ends.
      if (lock(marker.#fd, 'exclusive') === 'taken' || fstatSync(marker.#fd).nlink === 0) {
        marker.remove()
        return undefined
      }
      writeSync(
        marker.#fd,
        JSON.stringify(marked, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
      )
      return marker
    } catch (error) {
      marker.remove()
      throw error
    }
  }

  /** Removes the file. Removing it twice is no error. */
  remove(): void {
    if (this.#isRemoved) return
    this.#isRemoved = true
    closeSync(this.#fd)
    rmSync(this.#path, { force: true })
  }
}

/**
 * The directories of the service of a marker, or why the marker proves nothing, as a clause for a
 * person. Throws the errors of the system.
 */
export function readMarker(stateDir: string, name: string, host: string): readonly SourceDirectory[] | string {
  try {
    checkStateDirectory(stateDir)
    const fd = openRegular(join(folderOf(stateDir), `${PREFIX}${name}`))
    try {
      const { uid, mode, size } = fstatSync(fd)
      if ((userId() !== -1 && uid !== userId()) || mode & 0o022) return 'its marker belongs to another user'
      if (size > MAX_BYTES) return 'its marker is too long'
      // A sweep empties what it found dead, and holds its lock for that long.
      if (size === 0 || lock(fd, 'shared') === 'got') return ENDED
      const marked = decode(readFileSync(fd, 'utf8'))
      return marked.host === host ? marked.directories : 'its files are not on this host'
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return 'its service is of another user, or keeps its state elsewhere than in the DYAD_STATE_DIR of this side'
    }
    if (isDyadError(error)) return reasonOf(error)
    throw error
  }
}

function folderOf(stateDir: string): string {
  return join(stateDir, 'local')
}

function decode(text: string): Marked {
  const { host, directories } = JSON.parse(text)
  const read = ({ path, dev, ino }: Record<string, unknown>): SourceDirectory => {
    return { path: String(path), dev: BigInt(String(dev)), ino: BigInt(String(ino)) }
  }
  return { host: String(host), directories: directories.map(read) }
}

/**
 * Locks a marker as long as its descriptor is open, unless another process has locked it. Returns
 * 'impossible' where files cannot be locked.
 */
function lock(fd: number, kind: 'shared' | 'exclusive'): 'got' | 'taken' | 'impossible' {
  try {
    if (!hasFileLocks()) return 'impossible'
    return tryLock(fd, { shared: kind === 'shared' }) ? 'got' : 'taken'
  } catch (error) {
    if (isShortage(error)) throw error
    return 'impossible'
  }
}

/**
 * Removes the markers of services that were killed a while ago. A sweep empties what it finds dead
 * for the first time, so the modification time says since when.
 */
function sweep(folder: string): void {
  for (const entry of readdirSync(folder)) {
    if (!entry.startsWith(PREFIX)) continue
    try {
      const path = join(folder, entry)
      const fd = openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
      try {
        if (lock(fd, 'exclusive') !== 'got') continue
        const { size, mtimeMs } = fstatSync(fd)
        if (size > 0) ftruncateSync(fd)
        else if (Date.now() - mtimeMs > KEEP_MS) rmSync(path, { force: true })
      } finally {
        closeSync(fd)
      }
    } catch {
      // Its service removed it meanwhile.
    }
  }
}
